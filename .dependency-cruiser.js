// Which folder may import which: the floors of src. `npm run check` reads them (scripts/check/floors.ts); for a
// picture: npx depcruise src --output-type dot --collapse '^src/[^/]+/' | dot -T svg

/** Lowest first. Each top folder of src imports only from those before it, and only through their index.ts. */
export const floors = [
  'base',
  'pulse',
  'exchanges',
  'taskcluster',
  'streams',
  'worker',
  'pool',
  'local',
  'cli',
];

/** What a feature may know of the worker that runs it: what it is given, and the words it answers with. */
const knownToFeatures = [
  'artifacts/',
  'engines/connection.ts',
  'engines/container.ts',
  'engines/engine.ts',
  'events.ts',
  'exposure/index.ts',
  'files/',
  'log-names.ts',
  'outcome.ts',
  'properties/',
  'schema-part.ts',
  'secrets/',
  'shortage.ts',
  'start-error.ts',
  'stores/',
  'task-log/',
  'task-spec.ts',
  'unpack/',
];

/** What an engine may know of the worker: words for what tasks ask for, and what it needs to work with files. */
const knownToEngines = [
  'files/',
  'outcome.ts',
  'shortage.ts',
  'stores/collector.ts',
  'task-spec.ts',
  'unpack/',
];

const inWorker = paths => `^src/worker/(${paths.join('|').replaceAll('.', '\\.')})`;

const upward = floors.slice(0, -1).map((floor, i) => ({
  name: `${floor}-imports-no-floor-above`,
  severity: 'error',
  from: { path: `^src/${floor}/` },
  to: { path: `^src/(${floors.slice(i + 1).join('|')})/` },
}));

/** Rooms of one folder, lowest first: each imports only from those before it. */
const rooms = {
  'src/base': ['waiting', 'services', 'text', 'secrets', 'json'],
  'src/pulse': ['transport', 'body', 'session', 'topology', 'telemetry', 'publish', 'consume', 'handle'],
  'src/pulse/transport/amqp': ['properties', 'publishing'],
  'src/taskcluster': ['shell', 'generated', 'credentials', 'http-proxy', 'calls', 'queue'],
  'src/pool/registration': ['state', 'membership', 'settings'],
  'src/cli/config': ['checks', 'sources'],
  'src/worker/engines/docker': [
    'api',
    'tar',
    'files',
    'images',
    'usage',
    'leftovers',
    'containers',
    'running',
  ],
  'src/worker/engines/native': ['processes', 'launcher', 'pid-namespace'],
};

const roomsUpward = Object.entries(rooms).flatMap(([folder, names]) =>
  names.slice(0, -1).map((room, i) => ({
    name: `${folder.split('/').at(-1)}-${room}-imports-no-room-above`,
    severity: 'error',
    from: { path: `^${folder}/${room}/` },
    to: { path: `^${folder}/(${names.slice(i + 1).join('|')})/` },
  })),
);

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...upward,
    ...roomsUpward,
    {
      name: 'publishing-and-consuming-are-apart',
      severity: 'error',
      from: { path: '^src/pulse/(publish|consume|handle)/' },
      to: {
        path: '^src/pulse/(publish|consume|handle)/',
        // Handling is built on consuming.
        pathNot: ['^src/pulse/$1/', '^src/pulse/consume/'],
      },
    },
    {
      name: 'process-groups-and-pid-namespaces-are-apart',
      severity: 'error',
      from: { path: '^src/worker/engines/native/(process-group|pid-namespace)/' },
      to: {
        path: '^src/worker/engines/native/(process-group|pid-namespace)/',
        pathNot: ['^src/worker/engines/native/$1/'],
      },
    },
    {
      name: 'floors-meet-at-the-door',
      comment:
        'Another floor is imported through its index.ts only: behind that door it may change as it likes. The ' +
        'configuration has a door of its own, so that `tcw --help` need not load a worker.',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: {
        path: '^src/[^/]+/',
        pathNot: ['^src/$1/', '^src/([^/]+|worker/config)/index\\.ts$', '^src/pulse/testing\\.ts$'],
      },
    },
    {
      name: 'engines-know-no-worker',
      comment: 'An engine runs commands; it learns from nobody why.',
      severity: 'error',
      from: { path: '^src/worker/engines/' },
      to: { path: '^src/worker/', pathNot: ['^src/worker/engines/', inWorker(knownToEngines)] },
    },
    {
      name: 'features-know-little-of-the-worker',
      comment:
        'The worker imports its features. What they need of it is handed to them, or is in the named few.',
      severity: 'error',
      from: { path: '^src/worker/features/' },
      to: {
        path: '^src/worker/',
        pathNot: ['^src/worker/features/', inWorker(knownToFeatures)],
      },
    },
    {
      name: 'a-feature-knows-no-other',
      comment: 'What one learns and another needs goes through the run, such as its artifacts.',
      severity: 'error',
      from: { path: '^src/worker/features/(?!all|feature|index|open-features)([^/.]+)' },
      to: { path: '^src/worker/features/', pathNot: ['^src/worker/features/$1', '/feature\\.ts$'] },
    },
    {
      name: 'engines-and-features-have-doors-too',
      severity: 'error',
      from: { path: '^src/worker/', pathNot: '^src/worker/(engines|features)/' },
      to: {
        path: '^src/worker/(engines|features)/',
        pathNot:
          '^src/worker/(engines/(engine|engines|container|connection)|engines/[^/]+/index|features/index)\\.ts$',
      },
    },
    {
      name: 'no-cycle',
      comment: 'Also of types only: modules that know each other are one module.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'src-stands-alone',
      comment: 'What is published imports neither tests nor tools.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        path: '^[^/]',
        pathNot: ['^src/', '^node_modules/', '^schemas/', '^package\\.json$'],
        dependencyTypesNot: ['core'],
        couldNotResolve: false,
      },
    },
    {
      name: 'imports-resolve',
      comment: 'What cannot be found cannot be judged.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // Imports of types are arrows like any other.
    tsPreCompilationDeps: true,
    doNotFollow: { path: '^node_modules/' },
  },
};
