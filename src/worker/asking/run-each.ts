import {
  catchError,
  defer,
  EMPTY,
  finalize,
  map,
  mergeMap,
  of,
  switchMap,
  type OperatorFunction,
} from 'rxjs';
import type { Claim } from '../../taskcluster/index.ts';
import type { WorkerContext } from '../life/context.ts';
import type { WorkerEvent } from '../events.ts';
import { giveBack } from './give-back.ts';
import { taskRun } from '../run/task-run.ts';
import type { Slots } from '../life/slots.ts';

/**
 * Runs each claim in its slot. The slot becomes free when everything of the run has been removed. While processes of
 * a finished run cannot be ended, its slot is out of service.
 *
 * A claim is given back instead when the worker is draining, or when the engine that the task needs is away: a
 * `claimWork` call may have been open when either began.
 */
export function runEach(
  worker: WorkerContext,
  slots: Slots,
  draining: () => boolean,
): OperatorFunction<Claim, WorkerEvent> {
  return mergeMap(claim => {
    let begun = false;
    let lost = false;
    const isAway$ = defer(() =>
      draining() || !worker.isEngineAway ? of(false) : worker.isEngineAway(claim, { recent: true }),
    );
    const run$ = defer(() =>
      taskRun(claim, worker).pipe(
        map((state): WorkerEvent => {
          begun = true;
          if (state.phase === 'resolved' && state.processesLeft) {
            lost = true;
            slots.disable();
          }
          return { type: 'run', claim, state };
        }),
      ),
    );
    return isAway$.pipe(
      switchMap(isAway => {
        if (draining()) return giveBack(claim, worker, 'draining');
        return isAway ? giveBack(claim, worker, 'engine-away') : run$;
      }),
      catchError((err: unknown) => {
        worker.emit({ type: 'run-broke', claim, err });
        return EMPTY;
      }),
      finalize(() => {
        if (lost) slots.enable();
        else if (begun) slots.leave();
        else slots.giveBack(1);
      }),
    );
  });
}
