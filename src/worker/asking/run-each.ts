import { catchError, EMPTY, finalize, map, mergeMap, type OperatorFunction } from 'rxjs';
import type { Claim } from '../../taskcluster/index.ts';
import type { WorkerContext } from '../life/context.ts';
import type { WorkerNews } from '../events.ts';
import { giveBack } from './give-back.ts';
import { taskRun } from '../run/task-run.ts';
import type { Slots } from '../life/slots.ts';

/**
 * Runs each claim in its slot. The slot becomes free when the last trace of the run is gone. While processes of
 * a finished run cannot be ended, its slot is out of service.
 *
 * @param draining if it returns true, the worker is shutting down and a claim is given back instead
 */
export function runEach(
  worker: WorkerContext,
  slots: Slots,
  draining: () => boolean,
): OperatorFunction<Claim, WorkerNews> {
  return mergeMap(claim => {
    let begun = false;
    let lost = false;
    const run$ = draining()
      ? giveBack(claim, worker)
      : taskRun(claim, worker).pipe(
          map((state): WorkerNews => {
            begun = true;
            if (state.phase === 'resolved' && state.processesLeft) {
              lost = true;
              slots.lose();
            }
            return { type: 'run', claim, state };
          }),
        );
    return run$.pipe(
      catchError((err: unknown) => {
        worker.tell({ type: 'run-broke', claim, err });
        return EMPTY;
      }),
      finalize(() => {
        if (lost) slots.regain();
        else if (begun) slots.leave();
        else slots.giveBack(1);
      }),
    );
  });
}
