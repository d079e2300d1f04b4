import type { Property } from '../../properties/property.ts';

/** How the memory of the machine is watched while tasks run. */
export const properties = {
  enableResourceMonitor: {
    type: 'boolean',
    default: true,
    description: "Whether the machine's memory, and what a task uses, is watched while it runs",
    since: 'generic-worker',
  },
  maxMemoryUsagePercent: {
    type: 'integer',
    default: 90,
    minimum: 0,
    maximum: 100,
    description: 'Share of the memory in use at which a task is aborted',
    since: 'generic-worker',
  },
  minAvailableMemoryBytes: {
    type: 'integer',
    default: 524_288_000,
    minimum: 0,
    description: 'Free memory under which a task is aborted',
    since: 'generic-worker',
  },
  allowedHighMemoryDurationSecs: {
    type: 'seconds',
    default: 5,
    description: 'How long memory may be short before a task is aborted',
    since: 'generic-worker',
  },
  disableOOMProtection: {
    type: 'boolean',
    default: false,
    description: 'Whether a task may go on when memory is short',
    since: 'generic-worker',
  },
} as const satisfies Record<string, Property>;
