import { BehaviorSubject, filter, firstValueFrom } from 'rxjs';
import type { WorkerEvent } from '../../worker/index.ts';
import type { Ending } from '../task-files/endings.ts';
import type { NewTask } from '../task-files/read-tasks.ts';

/** Collects the worker's events about the runs of some tasks. */
export interface RunsOfTasks {
  see(event: WorkerEvent): void;
  /** Resolves when the worker has no active run of these tasks. */
  over(): Promise<unknown>;
  /** Adds the error messages of runs to the endings of their tasks. */
  withReasons(endings: ReadonlyMap<string, Ending>): ReadonlyMap<string, Ending>;
}

export function runsOf(tasks: readonly NewTask[]): RunsOfTasks {
  const ids = new Set(tasks.map(({ taskId }) => taskId));
  const messages = new Map<string, string>();
  const active = new Set<string>();
  const count$ = new BehaviorSubject(0);
  return {
    see: event => {
      if (event.type !== 'run' || !ids.has(event.claim.taskId)) return;
      const { claim, state } = event;
      if (state.phase === 'resolved') active.delete(`${claim.taskId}/${claim.runId}`);
      else active.add(`${claim.taskId}/${claim.runId}`);
      if (state.phase === 'resolved' && state.outcome) {
        if (state.outcome.result === 'completed') messages.delete(claim.taskId);
        else messages.set(claim.taskId, state.outcome.message);
      }
      count$.next(active.size);
    },
    over: () => firstValueFrom(count$.pipe(filter(count => count === 0))),
    withReasons: endings =>
      new Map(
        [...endings].map(([taskId, ending]) => {
          const message = messages.get(taskId);
          if (message === undefined || !['failed', 'exception'].includes(ending.state))
            return [taskId, ending];
          const reason = ending.reason === undefined ? message : `${ending.reason}: ${message}`;
          return [taskId, { ...ending, reason }];
        }),
      ),
  };
}
