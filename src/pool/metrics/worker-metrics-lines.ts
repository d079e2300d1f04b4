import { uptime } from 'node:os';
import type { Claim } from '../../taskcluster/index.ts';
import type { Emit, WorkerConfig } from '../../worker/index.ts';

type About = Pick<WorkerConfig, 'provisionerId' | 'workerType' | 'workerId' | 'region' | 'instanceType'>;
type EventType =
  | 'instanceBoot'
  | 'workerReady'
  | 'taskQueued'
  | 'taskStart'
  | 'taskFinish'
  | 'instanceReboot'
  | 'instanceShutdown';

/** An event of a worker in generic-worker's format, for programs that read its log. */
export interface MetricsLine {
  /** `WORKER_METRICS` followed by JSON with sorted keys, as Go writes it. */
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Writes generic-worker's `WORKER_METRICS` lines (see its `main.go` and `metrics` package) with the same timestamps:
 * the boot of the machine, the creation of a task, or the current time. `worker` stays `generic-worker`, since readers
 * look for that.
 *
 * @param now returns the current time in ms since the epoch
 */
export function workerMetricsLines(
  config: About,
  write: (line: MetricsLine) => void,
  now: () => number = () => Date.now(),
): Emit {
  let isReady = false;
  const about = {
    instanceType: config.instanceType ?? '',
    region: config.region ?? '',
    worker: 'generic-worker',
    workerId: config.workerId,
    workerPoolId: `${config.provisionerId}/${config.workerType}`,
  };
  const line = (eventType: EventType, atMs: number, claim?: Claim) => {
    const task = claim && { runId: claim.runId, taskId: claim.taskId };
    const fields = { ...about, ...task, eventType, timestamp: Math.floor(atMs / 1_000) };
    const sorted = Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
    write({ text: `WORKER_METRICS ${JSON.stringify(sorted)}`, fields: sorted });
  };
  return event => {
    if (event.type === 'worker' && event.state.phase === 'listening' && !isReady) {
      isReady = true;
      line('instanceBoot', now() - uptime() * 1_000);
      line('workerReady', now());
    }
    if (event.type !== 'run') return;
    const { claim, state } = event;
    if (state.phase === 'claimed' && !state.stop) {
      line('taskQueued', Date.parse(claim.task.created), claim);
      line('taskStart', now(), claim);
    } else if (state.phase === 'resolved') line('taskFinish', now(), claim);
  };
}
