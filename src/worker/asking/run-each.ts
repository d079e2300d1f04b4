import { catchError, EMPTY, finalize, map, mergeMap, type OperatorFunction } from 'rxjs';
import type { Claim } from '../../taskcluster/index.ts';
import type { WorkerContext } from '../life/context.ts';
import type { WorkerNews } from '../events.ts';
import { giveBack } from './give-back.ts';
import { taskRun } from '../run/task-run.ts';
import type { Slots } from '../life/slots.ts';

/**
 * Runs each claim in the slot that was taken for it. The slot is free again when the last trace of the run is gone. While
 * processes of a run that is over are left, its slot is out of service.
 *
 * @param draining when it says so, a claim is given back instead: the worker is going
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
