import { concat, defer, filter, ignoreElements, map, merge, share, takeUntil, takeWhile, tap } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Pulse } from '../pulse/index.ts';
import type { Shutdown } from '../streams/index.ts';
import { claim } from './asking/claim.ts';
import { listen } from './asking/listen.ts';
import { look } from './asking/look.ts';
import { poll } from './asking/poll.ts';
import type { WorkerContext, WorkerParts } from './context.ts';
import type { WorkerNews } from './events.ts';
import { limits } from './limits.ts';
import { NO_PULSE, pulseLink } from './pulse-link.ts';
import { runEach } from './run-each.ts';
import { slotsFor } from './slots.ts';
import { WorkerLife } from './worker-life.ts';
import type { WorkerEvent } from './worker-state.ts';

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
    const life = new WorkerLife(parts.random);
    const slots = slotsFor(config.capacity);
    const link = pulse ? pulseLink(pulse, config, slots, logger) : NO_PULSE;
    const { exceptions$, missed$ } = link;
    const worker: WorkerContext = {
      ...parts,
      exceptions$,
      missed$,
      shutdown$: shutdown$.pipe(filter(isNow)),
    };

    // Asking: a claim for each notice, a look for tasks that had none, and polling while there is no Pulse.
    const notice$ = link.notices$.pipe(share());
    const demand$ = merge(
      life.whilePulseIs('down', poll(slots)),
      life.whilePulseIs('up', look(queue, slots, notice$, logger)),
      notice$.pipe(listen(queue, slots)),
    ).pipe(takeUntil(life.draining$));

    // Working: completes once nothing more is asked for, what was asked for has come, and the last run is over.
    const work$ = demand$.pipe(
      claim(queue, logger, life.draining$),
      runEach(worker, slots, () => life.draining),
      share(),
    );

    // Steering: how work is asked for, and when to go.
    const events$: Observable<WorkerEvent> = merge(
      link.up$.pipe(map(up => ({ type: 'pulse' as const, up }))),
      merge(
        shutdown$.pipe(map(how => (how === 'finish' ? ('stopped' as const) : ('shutdown' as const)))),
        limits(config, work$),
      ).pipe(map(because => ({ type: 'drain' as const, because }))),
      concat(work$.pipe(ignoreElements()), [{ type: 'drained' as const }]),
    );
    const steering$ = merge(exceptions$, events$.pipe(tap(event => life.dispatch(event)))).pipe(
      ignoreElements(),
    );

    const states$ = life.state$.pipe(map((state): WorkerNews => ({ type: 'worker', state })));
    return merge(states$, work$, steering$).pipe(takeWhile(news => !isTheEnd(news), true));
  });
}

function isNow(how: Shutdown): boolean {
  return how === 'now';
}

function isTheEnd(news: WorkerNews): boolean {
  return news.type === 'worker' && news.state.phase === 'stopped';
}
