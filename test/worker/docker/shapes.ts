import { posix } from 'node:path';

// Payloads of real projects' tasks for docker-worker, reduced to shapes: their properties, kinds of images, caches,
// artifacts, features and scopes. The commands are built into the mock engine. They check caches and make the
// artifacts.

/** Values on which the shapes depend. */
export interface Surroundings {
  /** A task that has published an image as `public/image.tar.zst` and as `project/image.tar.zst`. */
  readonly taskId: string;
  /** The index namespace of that task. */
  readonly namespace: string;
  /** `<provisionerId>/<workerType>` */
  readonly pool: string;
}

export interface DockerPayload {
  readonly image: string | object;
  readonly command?: readonly string[];
  readonly maxRunTime: number;
  readonly env?: Record<string, string>;
  readonly cache?: Record<string, string>;
  readonly artifacts?: Record<string, DockerArtifact>;
  readonly capabilities?: {
    privileged?: boolean;
    disableSeccomp?: boolean;
    devices?: Record<string, boolean>;
  };
  readonly features?: Record<string, boolean>;
  readonly onExitStatus?: { retry?: number[]; purgeCaches?: number[] };
  readonly log?: string;
  readonly supersederUrl?: string;
}

export interface DockerArtifact {
  readonly type: 'file' | 'directory' | 'volume';
  readonly path: string;
  readonly expires?: string;
}

export interface DockerShape {
  readonly title: string;
  readonly payload: DockerPayload;
  readonly scopes: readonly string[];
}

/**
 * A shape without its command. `ownCommand`: uses the image's command. `firstExit`: exit code of a first run that
 * fails.
 */
type Ask = Partial<Omit<DockerPayload, 'command'>> & {
  readonly scopes?: readonly string[];
  readonly firstExit?: number;
  readonly ownCommand?: true;
};

/** The number of shapes, so that a missing one is noticed. */
export const SHAPE_COUNT = 29;

const BY_TAG = 'registry.example/project/builder:1.2';
const BY_DIGEST = `${BY_TAG}@sha256:${'ab'.repeat(32)}`;

export function dockerShapes({ taskId, namespace, pool }: Surroundings): DockerShape[] {
  const tomorrow = new Date(Date.now() + 24 * 3_600_000).toJSON();
  const ofTask = { type: 'task-image', taskId, path: 'public/image.tar.zst' };
  const ofIndex = { type: 'indexed-image', namespace, path: 'public/image.tar.zst' };
  const findTask = [`index:find-task:${namespace}`];
  const file = (path: string): DockerArtifact => ({ type: 'file', path, expires: tomorrow });
  const folder = (path: string): DockerArtifact => ({ type: 'directory', path, expires: tomorrow });
  const proxy = { taskclusterProxy: true };
  const trust = { chainOfTrust: true };
  const checkouts = { 'project-level-1-checkouts': '/builds/worker/checkouts' };
  const tooling = { ...checkouts, 'project-level-1-tooltool': '/builds/worker/tooltool-cache' };
  const again = { retry: [4, 72], purgeCaches: [72] };
  const build = { 'public/build': folder('/builds/worker/artifacts/') };

  const shapes: Record<string, Ask> = {
    'a named image and its own command': { ownCommand: true },
    'a named image with a tag': { image: BY_TAG },
    'a named image with a digest': { image: BY_DIGEST },
    'a named image in the long form': { image: { type: 'docker-image', name: BY_TAG } },
    'an image of another task': { image: ofTask },
    'an image of another task that is not public': {
      image: { ...ofTask, path: 'project/image.tar.zst' },
      scopes: ['queue:get-artifact:project/*'],
    },
    'an image that an index names': { image: ofIndex, scopes: findTask },
    'an image that an index names, and its own command': {
      image: ofIndex,
      scopes: findTask,
      ownCommand: true,
    },
    'a checkout in a cache': { image: ofTask, cache: checkouts, onExitStatus: again },
    'a build that calls services': {
      image: ofTask,
      cache: tooling,
      features: proxy,
      artifacts: build,
      onExitStatus: again,
    },
    'a signed build': { image: ofTask, cache: tooling, features: { ...proxy, ...trust }, artifacts: build },
    'a signed build of a named image': { image: BY_DIGEST, features: trust, artifacts: build },
    'a build that is tried again': { image: ofTask, cache: checkouts, onExitStatus: again, firstExit: 4 },
    'a build that throws its caches away and is tried again': {
      image: ofTask,
      cache: checkouts,
      onExitStatus: again,
      firstExit: 72,
    },
    'several artifacts, one of them private': {
      image: BY_TAG,
      artifacts: {
        'public/build/a.tar.zst': file('/builds/worker/a.tar.zst'),
        'public/logs/': folder('/builds/worker/logs/'),
        'project/internal.json': file('/tmp/internal.json'),
      },
    },
    'an artifact in the run of a path without a beginning': {
      image: BY_TAG,
      artifacts: { 'public/report': file('out/report') },
    },
    'a volume': { image: BY_TAG, artifacts: { 'public/volume': { type: 'volume', path: '/volume/' } } },
    'a volume and a file in the same folder of names': {
      image: BY_TAG,
      artifacts: {
        'public/out': { type: 'volume', path: '/builds/worker/out' },
        'public/out.json': file('/builds/worker/out.json'),
      },
    },
    'an artifact in a cache': {
      image: BY_TAG,
      cache: checkouts,
      artifacts: { 'public/from-cache': file('/builds/worker/checkouts/made') },
    },
    'a privileged container': {
      capabilities: { privileged: true },
      scopes: ['docker-worker:capability:privileged'],
    },
    'a privileged container of this pool that calls services': {
      capabilities: { privileged: true },
      features: proxy,
      scopes: [`docker-worker:capability:privileged:${pool}`],
    },
    'a container with everything': {
      image: ofIndex,
      capabilities: {
        privileged: true,
        disableSeccomp: true,
        devices: { hostSharedMemory: true, loopbackAudio: true },
      },
      features: proxy,
      cache: {},
      scopes: [...findTask, 'docker-worker:capability:*'],
    },
    'a test with a virtual camera under a debugger': {
      image: ofTask,
      cache: checkouts,
      capabilities: { devices: { loopbackVideo: true } },
      features: { ...proxy, allowPtrace: true },
      onExitStatus: again,
      supersederUrl: 'https://example.com/superseder',
      scopes: ['docker-worker:feature:allowPtrace', 'docker-worker:capability:device:loopbackVideo'],
    },
    'an emulator': {
      image: ofTask,
      capabilities: { devices: { loopbackVideo: true, kvm: true } },
      scopes: ['docker-worker:capability:device:*'],
    },
    'switches that are off': {
      capabilities: { privileged: false, disableSeccomp: false, devices: { kvm: false } },
      features: { allowPtrace: false, chainOfTrust: false, interactive: false, taskclusterProxy: false },
    },
    'switches that are on anyway': { features: { artifacts: true, bulkLog: true, localLiveLog: true } },
    'empty objects': { cache: {}, capabilities: {}, features: {}, artifacts: {}, env: {}, onExitStatus: {} },
    'a log of another name': { log: 'public/logs/other.txt' },
    'no live log': { features: { localLiveLog: false } },
  };
  return Object.entries(shapes).map(([title, ask]) => shapeOf(title, ask));
}

function shapeOf(title: string, { scopes = [], firstExit, ownCommand, ...asked }: Ask): DockerShape {
  const { cache = {}, artifacts = {} } = asked;
  const words = [
    ...(firstExit === undefined ? [] : [['exit-in-run', '0', String(firstExit)]]),
    ...Object.values(cache).map(path => ['write-file', posix.join(path, 'used'), 'yes\n']),
    ...Object.values(artifacts).map(({ type, path }) => [
      'write-file',
      type === 'file' ? path : posix.join(path, 'sub/made.txt'),
      'made\n',
    ]),
    ...(asked.features?.taskclusterProxy ? [['call', 'api/queue/v1/task/$TASK_ID']] : []),
    ['print', 'done\n'],
  ];
  return {
    title,
    payload: {
      maxRunTime: 3_600,
      image: 'registry.example/project/builder',
      ...(ownCommand ? {} : { command: ['all', ...words.map(word => JSON.stringify(word))] }),
      env: { LEVEL: '1', PROJECT: 'shapes' },
      ...asked,
    },
    scopes: [
      ...Object.keys(cache).map(name => `docker-worker:cache:${name}`),
      ...(asked.features?.taskclusterProxy ? ['queue:get-task:*'] : []),
      ...scopes,
    ],
  };
}

/** The artifact name under which a shape's file is uploaded. */
export function uploadedName(name: string, { type }: DockerArtifact): string {
  return type === 'file' ? name : posix.join(name, 'sub/made.txt');
}
