/** What worker-runner adds to the configuration of any pool, in its own spelling: `instanceID`, and an object as text. */
export const fromRunner = {
  rootURL: 'https://tc.example.com/',
  clientId: 'worker/example/i-77',
  accessToken: 'token-of-the-machine',
  provisionerId: 'example',
  workerGroup: 'north-1',
  workerId: 'i-77',
  publicIP: '192.0.2.10',
  privateIP: '10.1.2.3',
  instanceType: 'large',
  instanceID: 'i-77',
  region: 'north',
  availabilityZone: 'north-1',
  workerLocation: '{"cloud":"example","region":"north"}',
  workerTypeMetadata: { 'machine-setup': { image: 'ours' } },
};

/** What nearly every pool has. */
const usual = {
  cleanUpTaskDirs: true,
  disableReboots: false,
  ed25519SigningKeyLocation: '/nowhere/key',
  idleTimeoutSecs: 300,
  livelogExecutable: '/usr/local/bin/livelog',
  numberOfTasksToRun: 0,
  sentryProject: 'generic-worker',
  shutdownMachineOnIdle: true,
  shutdownMachineOnInternalError: true,
  taskclusterProxyExecutable: '/usr/local/bin/taskcluster-proxy',
  taskclusterProxyPort: 80,
  wstAudience: 'example',
  wstServerURL: 'https://tunnel.example.com/',
};

/** A pool whose tasks are payloads of docker-worker. Most pools are like this. */
export const containers = {
  ...usual,
  cachesDir: '/home/worker/caches',
  downloadsDir: '/home/worker/downloads',
  d2gConfig: {
    enableD2G: true,
    allowGPUs: false,
    allowHostSharedMemory: false,
    allowInteractive: true,
    allowKVM: false,
    allowLoopbackAudio: false,
    allowLoopbackVideo: true,
    allowPrivileged: false,
  },
  disableNativePayloads: true,
  enableInteractive: true,
  enableRunTaskAsCurrentUser: false,
  headlessTasks: true,
  requiredDiskSpaceMegabytes: 40_960,
  workerType: 'linux-docker',
};

/** Testers with a desktop. */
export const desktop = { ...usual, enableInteractive: true, workerType: 'linux-desktop' };

/** A pool of a user for each task, which each user is prepared for. */
export const users = {
  ...usual,
  headlessTasks: true,
  runAfterUserCreation: '/nowhere/prepare-user',
  enableRunTaskAsCurrentUser: false,
  workerTypeMetaData: { sbom: 'https://example.com/sbom.md' },
  workerType: 'linux-headless',
};

/** A pool of Windows machines. */
export const windows = {
  ...usual,
  cachesDir: 'D:\\caches',
  downloadsDir: 'D:\\downloads',
  ed25519SigningKeyLocation: 'C:\\worker\\key',
  livelogExecutable: 'C:\\worker\\livelog.exe',
  disableOOMProtection: true,
  runAfterUserCreation: 'C:\\worker\\user-init.cmd',
  tasksDir: 'D:\\',
  workerType: 'win-64',
};
