import { TaskError } from '../../outcome.ts';
import { ownSchemaPart } from '../../schema-part.ts';
import type { TaskLog } from '../../task-log/task-log.ts';
import { feature, serving, type ActiveFeature, type RunHandle } from '../feature.ts';
import { MemoryLimit, type MemoryLimits } from './memory-limit.ts';
import { Monitor } from './monitor.ts';
import { properties } from './properties.ts';

/** The artifact with a run's usage over time. */
const ARTIFACT = 'public/monitoring/resource-usage.json';

interface Ask {
  /** Whether the log reports memory, and the task is stopped when memory is short. */
  readonly watched: boolean;
  /** Whether an artifact reports the task's usage over time. */
  readonly overTime: boolean;
}

/**
 * `features.resourceMonitor`, which is on by default, and `features.resourceUsage`: measure the resource usage of a
 * task, and the free memory of the machine. Commands that take less than half a second are not measured.
 */
export const resources = feature({
  name: 'resourceMonitor',
  schema: { 'generic-worker': () => ownSchemaPart('generic-worker', 'resources') },
  properties,
  enabledBy: 'enableResourceMonitor',
  open: ({ config, engineFor }) =>
    serving<Ask>({
      ask: ({ format, switches }) => {
        const overTime = switches.has('resourceUsage');
        // It is on by default, so a task that does not mention it does not ask for it on a pool without it.
        const watched = config.enableResourceMonitor && switches.has('resourceMonitor');
        if (overTime && !engineFor({ format }).capabilities.has('usage')) {
          throw new TaskError(
            'malformed-payload',
            `this worker's engine cannot serve feature "resourceUsage": it lacks usage`,
          );
        }
        return watched || overTime ? { watched, overTime } : undefined;
      },
      start: (ask, run) => watching(ask, run, config),
    }),
});

function watching({ watched, overTime }: Ask, run: RunHandle, limits: MemoryLimits): ActiveFeature {
  const { artifacts, log } = run;
  if (overTime) artifacts.reserve(ARTIFACT, 'the resource monitor');
  const limit = new MemoryLimit(limits);
  const monitor = new Monitor({
    series: overTime,
    onSeen: ({ nowMs, memory }) => {
      if (watched) handleShortage(limit.observe(nowMs, memory), run, log);
    },
  });
  return {
    started: sandbox => {
      monitor.attach(sandbox);
    },
    commandStarting: index => {
      monitor.commandStarting(index);
    },
    commandEnded: async (_index, result) => {
      const lines = await monitor.commandEnded(result);
      return watched ? lines : [];
    },
    finish: async ({ uploads, signal }) => {
      monitor.stop();
      if (!overTime || uploads !== 'all') return;
      const options = { contentType: 'application/json', contentEncoding: 'gzip', signal } as const;
      await artifacts.upload(ARTIFACT, Buffer.from(monitor.report()), options);
    },
    [Symbol.asyncDispose]: async () => {
      monitor.stop();
    },
  };
}

function handleShortage(shortage: ReturnType<MemoryLimit['observe']>, run: RunHandle, log: TaskLog): void {
  for (const warning of shortage?.warnings ?? []) log.warn(warning);
  if (shortage?.stop !== undefined) run.stop(shortage.stop);
}
