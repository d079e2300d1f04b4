import type { Property } from './property.ts';

/** What the worker may use of its machine, and do to it. */
export const machine = {
  requiredDiskSpaceMegabytes: {
    type: 'integer',
    default: 10_240,
    minimum: 0,
    description: 'Disk space that has to be free for a task to be claimed; 0 for no watch over the disk',
    since: 'generic-worker',
  },
  createObjectArtifacts: {
    type: 'boolean',
    default: false,
    description: 'Whether artifacts go to the object service, as they are, instead of S3',
    since: 'generic-worker',
  },
  disableReboots: {
    type: 'boolean',
    default: false,
    description: 'Accepted from generic-worker: tcw never reboots its machine, whatever this says',
    since: 'generic-worker',
  },
  shutdownMachineOnIdle: {
    type: 'boolean',
    default: false,
    description: 'Whether the machine is shut down after idleTimeoutSecs',
    since: 'generic-worker',
  },
  shutdownMachineOnInternalError: {
    type: 'boolean',
    default: false,
    description: 'Whether the machine is shut down after an internal error',
    since: 'generic-worker',
  },
  shutdownMachineCommand: {
    type: 'strings',
    description: 'Program and arguments that shut the machine down; by default /sbin/shutdown -h now',
    since: 'tcw',
  },
  sentryProject: {
    type: 'string',
    default: 'generic-worker',
    description: 'Sentry project that crashes are reported to, if the deployment has Sentry; empty for none',
    since: 'generic-worker',
  },
} as const satisfies Record<string, Property>;
