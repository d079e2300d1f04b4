import { shapeOf, type Artifact, type Ask, type Mount, type Shape } from './shape.ts';

// Payloads of real projects' tasks for a native worker on a POSIX system, reduced to shapes: their properties, kinds of
// mounts, artifacts, features and scopes. The commands are harmless. They check the mounts and make the artifacts.

/** The content of the shapes' mounts. */
export interface Content {
  /** The URL of a file by its name. */
  readonly url: (name: string) => string;
  /** A task that has published its files as `public/build/<name>`, and private ones as `project/build/<name>`. */
  readonly taskId: string;
  /** The index namespace of that task. */
  readonly namespace: string;
  readonly sha256: string;
  /** A folder outside the runs' folders, for absolute paths. */
  readonly folder: string;
  /** `<provisionerId>/<workerType>` */
  readonly pool: string;
}

/** The number of shapes, so that a missing one is noticed. */
export const SHAPE_COUNT = 42;

export function nativeShapes(content: Content): Shape[] {
  const { url, taskId, namespace, sha256, folder, pool } = content;
  const web = (file: string, name: string) => ({ file, content: { url: url(name) } });
  const made = (file: string, name = 'run-task', visibility = 'public') => ({
    file,
    content: { taskId, artifact: `${visibility}/build/${name}` },
  });
  const unpackedFile = (file: string) => ({ ...made(file, 'run-task.zst'), format: 'zst' });
  const webTree = (directory: string, format: string) => ({
    directory,
    content: { url: url(`tree.${format}`) },
    format,
  });
  const madeTree = (directory: string, format: string) => ({
    directory,
    content: { taskId, artifact: `public/build/tree.${format}` },
    format,
  });
  const cache = (directory: string, cacheName = 'project-level-1-checkouts') => ({ cacheName, directory });
  const runTask = web('./run-task', 'run-task');
  const fetchContent = web('./fetch-content', 'run-task');
  const wheel = made('./tool.whl');
  const bundle = made('./repository.hg', 'tree.tar.zst');

  const file = (path: string, name?: string, expires?: string): Artifact => ({
    type: 'file',
    path,
    ...(name !== undefined && { name }),
    ...(expires !== undefined && { expires }),
  });
  const folderOf = (path: string, name?: string, expires?: string): Artifact => ({
    ...file(path, name, expires),
    type: 'directory',
  });
  const tomorrow = new Date(Date.now() + 24 * 3_600_000).toJSON();
  const proxy = { taskclusterProxy: true };
  const trust = { chainOfTrust: true };
  const asWorker = [`generic-worker:run-task-as-current-user:${pool}`];
  const ofIndex = [`index:find-task:${namespace}`, `queue:get-artifact:project/*`];

  const checkout: Mount[] = [cache('./checkouts'), runTask];
  const fetching: Mount[] = [...checkout, fetchContent];
  const withoutCache: Mount[] = [runTask, fetchContent];

  const shapes: Record<string, Ask> = {
    'a checkout': { mounts: checkout },
    'a checkout with a long limit': { mounts: checkout, maxRunTime: 82_800 },
    'a checkout that publishes a folder': { mounts: checkout, artifacts: [folderOf('out', 'public')] },
    'a checkout that publishes a folder by its path': { mounts: checkout, artifacts: [folderOf('out')] },
    'a checkout that calls services': {
      mounts: checkout,
      features: proxy,
      artifacts: [folderOf('out/deep/er', 'public/build')],
    },
    'a checkout with fetches': { mounts: fetching },
    'a checkout with fetches that publishes an archive': {
      mounts: fetching,
      artifacts: [file('out/a/b/c.zip', 'public/build/c.zip')],
    },
    'a checkout with fetches and a third program': {
      mounts: [...fetching, web('./checkout.py', 'run-task')],
    },
    'a signed package': {
      mounts: fetching,
      features: trust,
      artifacts: [file('out/app.pkg', 'public/build/app.pkg')],
    },
    'signed fetches, a folder': {
      mounts: withoutCache,
      features: trust,
      artifacts: [folderOf('out/a', 'public/build')],
    },
    'signed fetches that call services': {
      mounts: withoutCache,
      features: { ...trust, ...proxy },
      artifacts: [file('out/a.tar.gz', 'public/build/a.tar.gz')],
    },
    'a signed checkout with two files': {
      mounts: checkout,
      features: trust,
      artifacts: [file('a.dmg', 'public/a.dmg'), file('b.json', 'public/b.json')],
    },
    'a signed toolchain from a cache': {
      mounts: [...fetching, cache('./tooltool', 'project-level-1-tooltool')],
      features: trust,
      artifacts: [folderOf('artifacts', 'public/build')],
    },
    'fetches, tried again, into names that end in a slash': {
      mounts: [web('./test-linux.sh', 'run-task'), ...withoutCache],
      onExitStatus: { retry: [4] },
      firstExit: 4,
      artifacts: [
        folderOf('logs/a', 'public/logs/', tomorrow),
        folderOf('artifacts/b', 'public/test/', tomorrow),
        folderOf('uploads/c/d', 'public/test_info/', tomorrow),
      ],
    },
    'a checkout that throws its caches away and is tried again': {
      mounts: fetching,
      onExitStatus: { retry: [72], purgeCaches: [72] },
      firstExit: 72,
    },
    'a URL and nothing else': { mounts: [runTask] },
    'two URLs, tried again for one of several codes': {
      mounts: withoutCache,
      onExitStatus: { retry: [4, 5, 72] },
      firstExit: 5,
    },
    'compilers of two archives as the worker’s own user': {
      mounts: [cache('./go', 'go-mod'), webTree('./go1', 'tar.gz'), webTree('./node', 'tar.gz')],
      features: { ...proxy, runTaskAsCurrentUser: true },
      scopes: asWorker,
      artifacts: [file('out/a/report', 'public/report')],
    },
    'a release as the worker’s own user, with private artifacts': {
      mounts: [webTree('./go1', 'tar.gz'), webTree('./node', 'tar.gz')],
      features: { ...proxy, runTaskAsCurrentUser: true },
      scopes: asWorker,
      artifacts: [folderOf('out/release', 'project/build')],
    },
    'a cache and a compiler': { mounts: [cache('./go', 'go-mod'), webTree('./go1', 'tar.gz')] },
    'a compiler with a required digest': {
      mounts: [{ directory: './go1', content: { url: url('tree.tar.gz'), sha256 }, format: 'tar.gz' }],
    },
    'no mounts, calls services': { features: proxy, artifacts: [file('out', 'public/build/out')] },
    'no mounts, a folder with a slash': {
      features: proxy,
      artifacts: [folderOf('out/', undefined, tomorrow)],
    },
    'no mounts, a compressed file': { artifacts: [file('out/a.tar.zst', 'public/build/a.tar.zst')] },
    'a file of another task': {
      features: proxy,
      mounts: [made('./script')],
      artifacts: [file('out/a', 'public/build/a')],
    },
    'a build, unpacked into the task’s folder': {
      features: proxy,
      mounts: [madeTree('.', 'tar.bz2')],
      artifacts: [
        folderOf('out/a', 'project/a', tomorrow),
        file('out.log', 'project/out.log', tomorrow),
        folderOf('out2', 'project/b', tomorrow),
      ],
    },
    'a build, unpacked, with one private folder': {
      features: proxy,
      mounts: [madeTree('.', 'tar.bz2')],
      artifacts: [folderOf('out', 'project/build', tomorrow)],
    },
    'a toolchain that an index names': {
      mounts: [
        {
          directory: './toolchain',
          content: { namespace, artifact: 'public/build/tree.tar.bz2' },
          format: 'tar.bz2',
        },
      ],
      scopes: ofIndex,
    },
    'two tools, one decompressed': {
      mounts: [wheel, unpackedFile('./mirror')],
      artifacts: [file('out/a.hg', 'public/build/a.hg')],
    },
    'five mounts for a conversion': {
      mounts: [made('./tool'), wheel, madeTree('.', 'tar.zst'), bundle, unpackedFile('./mirror')],
      artifacts: [file('out/a.git', 'public/build/a.git')],
    },
    'a tree, a tool and a decompressed file': {
      mounts: [madeTree('.', 'tar.zst'), made('./tool'), unpackedFile('./mirror')],
    },
    'a tree of zstd in a folder': {
      mounts: [madeTree('./source', 'tar.zst')],
      artifacts: [folderOf('out', 'public')],
    },
    'zip files as they are, and a decompressed file': {
      features: proxy,
      mounts: [
        made('./one.zip', 'tree.zip'),
        made('./two.zip', 'tree.zip'),
        made('./tool'),
        unpackedFile('./mirror'),
      ],
    },
    'a zip file of another task in the task’s folder': {
      mounts: [madeTree('.', 'zip'), ...withoutCache],
      artifacts: [folderOf('out', 'public/test', tomorrow)],
    },
    'a zip file from the web': { mounts: [webTree('./sdk', 'zip')], features: proxy },
    'archives as they are, and one at an absolute path': {
      mounts: [
        web('./pyenv.gz', 'tree.tar.gz'),
        web('./builds.gz', 'tree.tar.gz'),
        webTree(`${folder}/deep/er/`, 'tar.gz'),
        web('./home.xz', 'run-task'),
      ],
      artifacts: [folderOf('out/', undefined, tomorrow)],
    },
    'private content of another task': {
      mounts: [made('./licence', 'run-task', 'project')],
      scopes: ['queue:get-artifact:project/*'],
    },
    'a small text in the payload': {
      mounts: [...checkout, { file: 'config/app.ini', content: { raw: 'a=1\n' } }],
    },
    'a cache that begins with an archive': {
      mounts: [
        {
          ...cache('./cargo', 'project-cargo'),
          content: { taskId, artifact: 'public/build/tree.tar.gz' },
          format: 'tar.gz',
        },
      ],
    },
    'all switches that are on anyway': {
      mounts: checkout,
      features: { ...proxy, backingLog: true, liveLog: true, resourceMonitor: true },
    },
    'old properties': { supersederUrl: 'https://example.com/superseder', osGroups: [], mounts: [] },
    'nothing but commands': {},
  };
  return Object.entries(shapes).map(([title, ask]) => shapeOf(title, ask));
}
