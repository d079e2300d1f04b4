import type { Property } from './property.ts';

// The queue's rules for identifiers. They must fit between the dots of a routing key, so they have no dot and
// at most 38 characters (services/queue/src/api.js in taskcluster/taskcluster).
const identifier = {
  matches: '^[a-zA-Z0-9_-]{1,38}$',
  meaning: '1 to 38 letters, digits, "-" or "_"',
} as const;

/** The worker's identity, and facts about its machine. */
export const worker = {
  provisionerId: {
    type: 'string',
    default: 'test-provisioner',
    pattern: identifier,
    description: 'First half of the worker pool: provisionerId/workerType',
    since: 'generic-worker',
  },
  workerType: {
    type: 'string',
    required: true,
    pattern: {
      matches: '^[a-z]([-a-z0-9]{0,36}[a-z0-9])?$',
      meaning:
        '1 to 38 lower-case letters, digits or "-", beginning with a letter and ending with a letter or digit',
    },
    description: 'Second half of the worker pool',
    since: 'generic-worker',
  },
  workerGroup: {
    type: 'string',
    default: 'test-worker-group',
    pattern: identifier,
    description: 'Group of the worker within its pool, often a region',
    since: 'generic-worker',
  },
  workerId: {
    type: 'string',
    required: true,
    pattern: identifier,
    description: 'Name of the worker, unique in its group',
    since: 'generic-worker',
  },
  workerTypeMetadata: {
    type: 'object',
    default: {},
    description: 'Facts about the pool, printed at the top of every task log',
    since: 'generic-worker',
  },
  logLevel: {
    type: 'string',
    default: 'info',
    oneOf: ['debug', 'info', 'warn', 'error'],
    description: "Lowest level that the worker's own log shows",
    since: 'tcw',
  },
  workerLocation: {
    type: 'string',
    description: 'Location of the worker, given to tasks as TASKCLUSTER_WORKER_LOCATION',
    since: 'generic-worker',
  },
  region: {
    type: 'string',
    description: 'Cloud region of the machine, for the chain of trust',
    since: 'generic-worker',
  },
  availabilityZone: {
    type: 'string',
    description: 'Availability zone of the machine. For information only, as in generic-worker',
    since: 'generic-worker',
  },
  instanceId: {
    type: 'string',
    description: 'Cloud instance id of the machine, for the chain of trust',
    since: 'generic-worker',
  },
  instanceType: {
    type: 'string',
    description: 'Cloud instance type, given to tasks as TASKCLUSTER_INSTANCE_TYPE',
    since: 'generic-worker',
  },
  publicIP: {
    type: 'ip',
    description: 'Public address of the machine, for live logs, shells and the chain of trust',
    since: 'generic-worker',
  },
  privateIP: {
    type: 'ip',
    description: 'Private address of the machine, for the chain of trust',
    since: 'generic-worker',
  },
} as const satisfies Record<string, Property>;
