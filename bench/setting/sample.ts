import { randomPause, type Setting } from './setting.ts';
import type { WorkerKind, Workers } from './workers.ts';

/** The command of most tasks in the benchmark: the smallest possible. */
const NOTHING = ['true'] as const;

/**
 * The time for which one task waited for a worker, in ms. All times are of responses or requests, as the queue's
 * process saw them.
 */
export interface Wait {
  readonly taskId: string;
  /**
   * From the response to createTask to the response to the claimWork that claimed this task. May be negative, because
   * the queue announces a pending task before it answers.
   */
  readonly fromAnswer: number;
  /** The same, from the request to createTask. */
  readonly fromRequest: number;
}

/** Creates one task, waits for it to complete, and returns its waiting time. */
export async function oneTask({ queue }: Setting, { pool }: Workers): Promise<Wait> {
  const taskId = await queue.createTask(pool, NOTHING);
  const [requested, answered, claimed] = await Promise.all([
    queue.moment('requested', taskId),
    queue.moment('created', taskId),
    queue.moment('claimed', taskId),
    queue.moment('completed', taskId),
  ]);
  return { taskId, fromAnswer: claimed - answered, fromRequest: claimed - requested };
}

/** Does the same for several tasks that are created at once. */
export async function burst(setting: Setting, workers: Workers, tasks: number): Promise<Wait[]> {
  return Promise.all(Array.from({ length: tasks }, () => oneTask(setting, workers)));
}

/**
 * Leaves the workers of a pool idle for a while. For a polling worker, the queue looks for work every 1,000 ms. A pause
 * that is spread over exactly that time makes the task equally likely to arrive at any moment of it.
 */
export async function idle(kind: WorkerKind): Promise<void> {
  await randomPause(100, kind === 'baseline' ? 1_100 : 200);
}
