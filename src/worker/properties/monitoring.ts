import type { Property } from './property.ts';

/** What others may see of the worker: its health and its metrics. */
export const monitoring = {
  monitoringPort: {
    type: 'port',
    description: 'Port of /metrics, /healthz and /readyz. 0: any free port. Unset: not served',
    since: 'tcw',
  },
  monitoringAddress: {
    type: 'ip',
    default: '127.0.0.1',
    description: 'Address on which monitoringPort listens',
    since: 'tcw',
  },
  logWorkerMetrics: {
    type: 'boolean',
    default: false,
    description: "Write generic-worker's WORKER_METRICS lines to the worker's log",
    since: 'tcw',
  },
} as const satisfies Record<string, Property>;
