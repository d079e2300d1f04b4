import { queueExchanges } from '../../exchanges/index.ts';
import type { Message } from '../message.ts';
import type { Task } from '../queue/tasks/task.ts';
import type { TaskIndex } from './task-index.ts';

const ROUTE = 'route.index.';

/**
 * Indexes the task of a `task-completed` message by each of its routes that begin with `index.`. The task's
 * `extra.index` has its `rank`, 0 by default, its `data`, and its expiry, by default the task's.
 *
 * https://docs.taskcluster.net/docs/reference/core/index
 */
export function indexByRoute(
  index: TaskIndex,
  { exchange, routes, body }: Message,
  find: (taskId: string) => Task | undefined,
): void {
  if (exchange !== queueExchanges.taskCompleted.exchange) return;
  const task = find((body as { status: { taskId: string } }).status.taskId);
  if (!task) return;
  const { rank, data, expires } = (task.extra as { index?: Partial<Record<string, unknown>> }).index ?? {};
  for (const route of routes.filter(each => each.startsWith(ROUTE))) {
    index.insert({
      namespace: route.slice(ROUTE.length),
      taskId: task.taskId,
      rank: typeof rank === 'number' ? rank : 0,
      data: typeof data === 'object' && data !== null ? { ...data } : {},
      expires: timeOf(expires) ?? task.expires,
    });
  }
}

/** Undefined for an invalid time: a task may contain anything. */
function timeOf(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
