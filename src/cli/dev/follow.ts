import { filter, map, merge, mergeMap, scan, Subject, takeWhile, type Observable } from 'rxjs';
import { queueExchanges, type TaskStatusStructure } from '../../exchanges/index.ts';
import { ephemeralQueue, type Pulse } from '../../pulse/index.ts';
import { withBlocked, type Ending } from '../task-files/endings.ts';
import type { NewTask } from '../task-files/read-tasks.ts';

/**
 * Follows tasks until they end, by the messages of the queue. Emits all endings so far after each ending, and completes
 * after the last one.
 *
 * @param ask returns the status of a task; its end may have been announced while the connection was lost
 */
export function follow(
  pulse: Pulse,
  tasks: readonly NewTask[],
  ask: (taskId: string) => Promise<TaskStatusStructure>,
  onListening: () => void,
): Observable<ReadonlyMap<string, Ending>> {
  const ids = new Set(tasks.map(({ taskId }) => taskId));
  const missed$ = new Subject<void>();
  const asked$ = missed$.pipe(
    mergeMap(() => ids),
    mergeMap(taskId => ask(taskId).catch(() => undefined)),
    filter(status => status !== undefined),
  );
  const announced$ = pulse
    .consume({
      queue: ephemeralQueue('tcw-dev'),
      bindings: [queueExchanges.taskCompleted(), queueExchanges.taskFailed(), queueExchanges.taskException()],
      onEvent: ({ type }) => {
        if (type === 'consuming') onListening();
        if (type === 'gap') missed$.next();
      },
    })
    .pipe(
      map(message => {
        message.ack();
        return message.body.status;
      }),
    );
  return merge(announced$, asked$).pipe(
    filter(status => ids.has(status.taskId) && isResolved(status)),
    scan(
      (endings, status) => withBlocked(new Map(endings).set(status.taskId, endingOf(status)), tasks),
      new Map<string, Ending>(),
    ),
    takeWhile(endings => endings.size < tasks.length, true),
  );
}

/** A run that ended with an exception does not resolve the task if a new run follows. */
function isResolved({ state }: TaskStatusStructure): boolean {
  return state === 'completed' || state === 'failed' || state === 'exception';
}

function endingOf({ state, runs }: TaskStatusStructure): Ending {
  const reason = state === 'exception' ? runs.at(-1)?.reasonResolved : undefined;
  return { state: state as Ending['state'], reason };
}
