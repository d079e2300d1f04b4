import { filter, map, scan, takeWhile, type Observable } from 'rxjs';
import { queue, type TaskStatusStructure } from '../../exchanges/index.ts';
import { ephemeralQueue, type Pulse } from '../../pulse/index.ts';
import type { DevTask } from './task-files.ts';

/** How a task ended, or that it never will start: something that it needs did not complete. */
export type Ending = 'completed' | 'failed' | 'exception' | 'blocked';

/**
 * Follows tasks to their ends, as the queue announces them: all endings so far, again after each. Completes with
 * the last.
 */
export function follow(
  pulse: Pulse,
  tasks: readonly DevTask[],
  onListening: () => void,
): Observable<ReadonlyMap<string, Ending>> {
  const ids = new Set(tasks.map(({ taskId }) => taskId));
  const statuses$ = pulse
    .consume({
      queue: ephemeralQueue('tcw-dev'),
      bindings: [queue.taskCompleted(), queue.taskFailed(), queue.taskException()],
      onEvent: ({ type }) => {
        if (type === 'consuming') onListening();
      },
    })
    .pipe(
      map(message => {
        message.ack();
        return message.body.status;
      }),
      filter(status => ids.has(status.taskId) && isResolved(status)),
    );
  return statuses$.pipe(
    scan(
      (endings, { taskId, state }) => withBlocked(new Map(endings).set(taskId, state as Ending), tasks),
      new Map<string, Ending>(),
    ),
    takeWhile(endings => endings.size < tasks.length, true),
  );
}

/** An exception with a new run is not the end. */
function isResolved({ state }: TaskStatusStructure): boolean {
  return state === 'completed' || state === 'failed' || state === 'exception';
}

function withBlocked(endings: Map<string, Ending>, tasks: readonly DevTask[]): Map<string, Ending> {
  for (let before = -1; before !== endings.size;) {
    before = endings.size;
    for (const { taskId, definition } of tasks) {
      if (!endings.has(taskId) && isHopeless(definition, endings)) endings.set(taskId, 'blocked');
    }
  }
  return endings;
}

/** A task that needs others only to be resolved, however, waits in vain just for one that will never start. */
function isHopeless(
  { dependencies = [], requires }: DevTask['definition'],
  endings: ReadonlyMap<string, Ending>,
): boolean {
  const known = dependencies.map(taskId => endings.get(taskId)).filter(ending => ending !== undefined);
  return known.some(ending => (requires === 'all-resolved' ? ending === 'blocked' : ending !== 'completed'));
}
