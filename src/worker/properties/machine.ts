import type { Property } from './property.ts';

/** How the worker may use its machine and shut it down. */
export const machine = {
  requiredDiskSpaceMegabytes: {
    type: 'integer',
    default: 10_240,
    minimum: 0,
    description: 'Free disk space required to claim a task. 0: the disk is not checked',
    since: 'generic-worker',
  },
  createObjectArtifacts: {
    type: 'boolean',
    default: false,
    description: 'Upload artifacts to the object service, uncompressed, instead of S3',
    since: 'generic-worker',
  },
  disableReboots: {
    type: 'boolean',
    default: false,
    description: 'Ignored: tcw never reboots its machine',
    since: 'generic-worker',
  },
  shutdownMachineOnIdle: {
    type: 'boolean',
    default: false,
    description: 'Shut the machine down after idleTimeoutSecs',
    since: 'generic-worker',
  },
  shutdownMachineOnInternalError: {
    type: 'boolean',
    default: false,
    description: 'Shut the machine down after an internal error',
    since: 'generic-worker',
  },
  shutdownMachineCommand: {
    type: 'strings',
    description: 'Command that shuts the machine down. Default: /sbin/shutdown -h now',
    since: 'tcw',
  },
  sentryProject: {
    type: 'string',
    default: 'generic-worker',
    description: 'Sentry project for crash reports, if the deployment has Sentry. Empty: no reports',
    since: 'generic-worker',
  },
} as const satisfies Record<string, Property>;
