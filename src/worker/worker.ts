import {
  BehaviorSubject,
  EMPTY,
  Subject,
  concat,
  defer,
  distinctUntilChanged,
  filter,
  finalize,
  ignoreElements,
  map,
  merge,
  mergeMap,
  share,
  switchMap,
  take,
  takeUntil,
  takeWhile,
  tap,
  type Observable,
} from 'rxjs';
import type { Pulse } from '../pulse/index.ts';
import type { Claim } from '../queue/index.ts';
import type { Shutdown } from '../streams/index.ts';
import { claim } from './claim.ts';
import type { WorkerContext, WorkerParts } from './context.ts';
import type { WorkerNews } from './events.ts';
import { giveBack } from './give-back.ts';
import { limits } from './limits.ts';
import { listen } from './listen.ts';
import { look } from './look.ts';
import { poll } from './poll.ts';
import { NO_PULSE, pulseLink } from './pulse-link.ts';
import { slotsFor } from './slots.ts';
import { taskRun } from './task-run.ts';
import { nextWorkerState, STARTING, type WorkerEvent } from './worker-state.ts';

/**
 * One worker: it asks for work while it has a free slot, runs what it is given, and ends when it is told to, has done
 * enough or waited long enough, and its last run is over.
 *
 * @param pulse where events come from; without it the worker polls
 * @returns what it does, as it does it. The last item is its state `stopped`, with the reason.
 */
export function runWorker(
  parts: WorkerParts,
  pulse: Pulse | undefined,
  shutdown$: Observable<Shutdown>,
): Observable<WorkerNews> {
  return defer(() => {
    const { config, queue, logger } = parts;
    const state$ = new BehaviorSubject(STARTING);
    const dispatch = (event: WorkerEvent) => {
      state$.next(nextWorkerState(state$.value, event));
    };
    const draining$ = state$.pipe(
      filter(({ phase }) => phase === 'draining' || phase === 'stopped'),
      take(1),
    );
    const slots = slotsFor(config.capacity);
    const running$ = new BehaviorSubject(0);
    const started$ = new Subject<Claim>();
    const link = pulse ? pulseLink(pulse, config, slots, logger) : NO_PULSE;
    const worker: WorkerContext = {
      ...parts,
      exceptions$: link.exceptions$,
      missed$: link.missed$,
      shutdown$: shutdown$.pipe(filter(how => how === 'now')),
    };

    // Asking for work: a claim for each notice, and beside that the net under the notices, or polling.
    const notice$ = link.notices$.pipe(share());
    const demand$ = merge(
      notice$.pipe(listen(queue, slots)),
      state$.pipe(
        map(state => state.pulse),
        distinctUntilChanged(),
        switchMap(pulseIs => {
          if (pulseIs === 'up') return look(queue, slots, notice$, logger);
          return pulseIs === 'down' ? poll(slots) : EMPTY;
        }),
      ),
    ).pipe(takeUntil(draining$));
    const claim$ = demand$.pipe(claim(queue, logger, draining$));

    // Running what came: a slot is free again when the last trace of its run is gone.
    const run = (claimed: Claim): Observable<WorkerNews> => {
      if (state$.value.phase === 'draining') return giveBack(claimed, worker);
      running$.next(running$.value + 1);
      started$.next(claimed);
      return taskRun(claimed, worker).pipe(
        map(state => ({ type: 'run' as const, claim: claimed, state })),
        finalize(() => {
          running$.next(running$.value - 1);
        }),
      );
    };
    const work$ = claim$.pipe(
      mergeMap(claimed =>
        run(claimed).pipe(
          finalize(() => {
            slots.giveBack(1);
          }),
        ),
      ),
    );

    // Going away: nothing more is asked for, so that the work completes with its last run.
    const because$ = merge(
      shutdown$.pipe(map(how => (how === 'finish' ? ('stopped' as const) : ('shutdown' as const)))),
      limits(config, started$, running$),
    );
    const beside$ = merge(
      worker.exceptions$,
      link.up$.pipe(tap(up => dispatch({ type: 'pulse', up }))),
      because$.pipe(tap(because => dispatch({ type: 'drain', because }))),
    ).pipe(ignoreElements());

    const life$ = concat(
      work$,
      defer(() => {
        dispatch({ type: 'drained' });
        return EMPTY;
      }),
    );
    const states$ = state$.pipe(
      takeWhile(({ phase }) => phase !== 'stopped', true),
      map(state => ({ type: 'worker' as const, state })),
    );
    return merge(states$, life$, beside$).pipe(
      takeWhile(news => news.type !== 'worker' || news.state.phase !== 'stopped', true),
    );
  });
}
