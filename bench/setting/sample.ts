import { randomPause, type Setting } from './setting.ts';
import type { WorkerKind, Workers } from './workers.ts';

/** What most tasks of the benchmark run: as little as there is. */
const NOTHING = ['true'] as const;

/** How long one task waited for a worker, in ms. All ends are answers, or requests, as the queue's process saw them. */
export interface Wait {
  readonly taskId: string;
  /** From the answer to createTask until the answer to claimWork with this task. May be less than nothing: the queue
   * tells of a pending task before it answers. */
  readonly fromAnswer: number;
  /** From the request to createTask. */
  readonly fromRequest: number;
}

/** Creates one task, and tells how long it waited when it is completed. */
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

/** The same for several that are created at once. */
export async function burst(setting: Setting, workers: Workers, tasks: number): Promise<Wait[]> {
  return Promise.all(Array.from({ length: tasks }, () => oneTask(setting, workers)));
}

/**
 * Lets the workers of a pool be idle for a while. While somebody polls, the queue looks for work each 1,000 ms: a pause
 * that is spread over just that time makes a task equally likely to come at any moment of it.
 */
export async function idle(kind: WorkerKind): Promise<void> {
  await randomPause(100, kind === 'baseline' ? 1_100 : 200);
}
