import { filter, map, merge, mergeMap, scan, Subject, takeWhile, type Observable } from 'rxjs';
import { queueExchanges, type TaskStatusStructure } from '../../exchanges/index.ts';
import { ephemeralQueue, type Pulse } from '../../pulse/index.ts';
import type { DevTask } from './task-files.ts';

/** How a task ended, or that it never will start: something that it needs did not complete. */
export interface Ending {
  readonly state: 'completed' | 'failed' | 'exception' | 'blocked';
  /** Why it is an exception. */
  readonly reason?: string | undefined;
}

/**
 * Follows tasks to their ends, as the queue announces them: all endings so far, again after each. Completes with
 * the last.
 *
 * @param ask for a task's status: an end may have been announced while the connection was lost
 */
export function follow(
  pulse: Pulse,
  tasks: readonly DevTask[],
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

/** An exception with a new run is not the end. */
function isResolved({ state }: TaskStatusStructure): boolean {
  return state === 'completed' || state === 'failed' || state === 'exception';
}

function endingOf({ state, runs }: TaskStatusStructure): Ending {
  const reason = state === 'exception' ? runs.at(-1)?.reasonResolved : undefined;
  return { state: state as Ending['state'], reason };
}

function withBlocked(endings: Map<string, Ending>, tasks: readonly DevTask[]): Map<string, Ending> {
  for (let before = -1; before !== endings.size;) {
    before = endings.size;
    for (const { taskId, definition } of tasks) {
      if (!endings.has(taskId) && isHopeless(definition, endings)) endings.set(taskId, { state: 'blocked' });
    }
  }
  return endings;
}

/** A task that needs others only to be resolved, however, waits in vain just for one that will never start. */
function isHopeless(
  { dependencies = [], requires }: DevTask['definition'],
  endings: ReadonlyMap<string, Ending>,
): boolean {
  const known = dependencies.map(taskId => endings.get(taskId)?.state).filter(state => state !== undefined);
  return known.some(state => (requires === 'all-resolved' ? state === 'blocked' : state !== 'completed'));
}
