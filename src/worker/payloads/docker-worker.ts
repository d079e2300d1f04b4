import { posix } from 'node:path';
import { dockerLogNames } from '../log-names.ts';
import { ownSchemaPart } from '../schema-part.ts';
import type { ArtifactSpec, ContainerSpec, ImageSpec, MountSpec, TaskSpec } from '../task-spec.ts';
import type { AcceptedPayload, PayloadFormat } from './format.ts';
import { bindProblems } from './bind-problems.ts';
import { foreignToDockerWorker } from './foreign.ts';
import { hasImage } from './has-image.ts';

/** docker-worker's payload, as the schema accepts it. */
interface DockerWorkerPayload {
  readonly image: string | DockerImage | TaskImage | IndexedImage;
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly encryptedEnv?: readonly string[];
  readonly maxRunTime: number;
  /** Paths in the container, by the names of caches. */
  readonly cache?: Readonly<Record<string, string>>;
  readonly artifacts?: Readonly<Record<string, Artifact>>;
  readonly capabilities?: {
    readonly privileged?: boolean;
    readonly disableSeccomp?: boolean;
    readonly devices?: Readonly<Record<string, boolean>>;
  };
  readonly features?: Readonly<Record<string, boolean>>;
  readonly onExitStatus?: { readonly retry?: readonly number[]; readonly purgeCaches?: readonly number[] };
}

interface DockerImage {
  readonly type: 'docker-image';
  readonly name: string;
}

interface TaskImage {
  readonly type: 'task-image';
  readonly taskId: string;
  readonly path: string;
}

interface IndexedImage {
  readonly type: 'indexed-image';
  readonly namespace: string;
  readonly path: string;
}

interface Artifact {
  readonly type: ArtifactSpec['type'];
  readonly path: string;
  readonly expires?: string;
}

export const dockerWorker: PayloadFormat = {
  name: 'docker-worker',
  get schema() {
    return ownSchemaPart('docker-worker', 'base');
  },
  matches: hasImage,
  least: { image: 'none', maxRunTime: 1 },
  problems: payload => [...foreignToDockerWorker(payload), ...bindProblems(payload)],
  logNames: dockerLogNames,
  read: accepted => read(accepted as unknown as DockerWorkerPayload & AcceptedPayload),
};

function read(payload: DockerWorkerPayload & AcceptedPayload): TaskSpec {
  const { artifacts = {}, cache = {}, onExitStatus = {} } = payload;
  const hasArtifacts = payload.features?.artifacts !== false;
  return {
    format: 'docker-worker',
    payload,
    commands: [{ argv: payload.command ?? [] }],
    env: payload.env ?? {},
    encryptedEnv: payload.encryptedEnv ?? [],
    mounts: Object.entries(cache).map(mountOf),
    artifacts: hasArtifacts ? Object.entries(artifacts).map(artifactOf) : [],
    logs: dockerLogNames(payload),
    maxRunTimeSecs: payload.maxRunTime,
    exitCodes: { retry: onExitStatus.retry ?? [], purgeCaches: onExitStatus.purgeCaches ?? [] },
    switches: switchesOf(payload.features ?? {}),
    osGroups: [],
    container: containerOf(payload),
  };
}

function mountOf([cacheName, path]: [string, string]): MountSpec {
  return { kind: 'cache', path: plain(path), cacheName };
}

function artifactOf([name, { type, path, expires }]: [string, Artifact]): ArtifactSpec {
  return {
    type,
    path: plain(path),
    // A slash at the end marks a directory, which is already known.
    name: name.replace(/(?<=[^/])\/$/, ''),
    ...(expires !== undefined && { expires }),
    // docker-worker completes a task with missing artifacts.
    optional: true,
  };
}

/** Docker interprets relative paths from the root. */
function plain(path: string): string {
  return posix.resolve('/', path);
}

/** In a TaskSpec, the log's switches have generic-worker's names. */
function switchesOf(features: Readonly<Record<string, boolean>>): ReadonlySet<string> {
  const { artifacts = true, bulkLog = true, localLiveLog = true, ...others } = features;
  const switches = {
    ...others,
    backingLog: artifacts && bulkLog,
    liveLog: artifacts && localLiveLog,
    resourceMonitor: true,
  };
  return new Set(Object.entries(switches).flatMap(([name, on]) => (on ? [name] : [])));
}

function containerOf({ image, capabilities = {} }: DockerWorkerPayload): ContainerSpec {
  const { devices = {}, ...others } = capabilities;
  const wanted = (switches: Readonly<Record<string, boolean>>) =>
    Object.keys(switches).filter(name => switches[name]);
  return {
    image: imageOf(image),
    capabilities: new Set(wanted(others)),
    devices: wanted(devices),
  };
}

function imageOf(image: DockerWorkerPayload['image']): ImageSpec {
  if (typeof image === 'string') return { kind: 'named', name: image };
  switch (image.type) {
    case 'docker-image':
      return { kind: 'named', name: image.name };
    case 'task-image':
      return { kind: 'artifact', taskId: image.taskId, artifact: image.path };
    case 'indexed-image':
      return { kind: 'indexed', namespace: image.namespace, artifact: image.path };
  }
}
