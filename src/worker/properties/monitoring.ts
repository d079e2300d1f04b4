import type { Property } from './property.ts';

/** What others may see of the worker: its health, its metrics. */
export const monitoring = {
  monitoringPort: {
    type: 'port',
    description: 'Port of /metrics, /healthz and /readyz; 0 is any. Without it they are not served',
    since: 'tcw',
  },
  monitoringAddress: {
    type: 'ip',
    default: '127.0.0.1',
    description: 'Address at which that port is opened',
    since: 'tcw',
  },
  logWorkerMetrics: {
    type: 'boolean',
    default: false,
    description: "Whether generic-worker's WORKER_METRICS lines are written to the worker's log",
    since: 'tcw',
  },
} as const satisfies Record<string, Property>;
