import type { Property } from '../../properties/property.ts';

/** How the machine's memory is monitored while tasks run. */
export const properties = {
  enableResourceMonitor: {
    type: 'boolean',
    default: true,
    description: "Monitor the machine's memory, and what each task uses",
    since: 'generic-worker',
  },
  maxMemoryUsagePercent: {
    type: 'integer',
    default: 90,
    minimum: 0,
    maximum: 100,
    description: 'Share of used memory at which a task is aborted',
    since: 'generic-worker',
  },
  minAvailableMemoryBytes: {
    type: 'integer',
    default: 524_288_000,
    minimum: 0,
    description: 'Free memory below which a task is aborted',
    since: 'generic-worker',
  },
  allowedHighMemoryDurationSecs: {
    type: 'seconds',
    default: 5,
    description: 'Seconds for which memory may be short before a task is aborted',
    since: 'generic-worker',
  },
  disableOOMProtection: {
    type: 'boolean',
    default: false,
    description: 'Let tasks continue when memory is short',
    since: 'generic-worker',
  },
} as const satisfies Record<string, Property>;
