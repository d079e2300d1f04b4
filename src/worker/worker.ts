import {
  concat,
  defer,
  filter,
  ignoreElements,
  map,
  merge,
  share,
  shareReplay,
  startWith,
  Subject,
  switchMap,
  takeUntil,
  takeWhile,
  tap,
} from 'rxjs';
import type { Observable } from 'rxjs';
import type { Pulse } from '../pulse/index.ts';
import type { Shutdown } from '../streams/index.ts';
import { claim } from './asking/claim.ts';
import { listen } from './asking/listen.ts';
import { look } from './asking/look.ts';
import { poll } from './asking/poll.ts';
import { quarantine } from './asking/quarantine.ts';
import type { WorkerContext, WorkerParts } from './context.ts';
import type { WorkerNews } from './events.ts';
import { limits } from './limits.ts';
import { NO_PULSE, pulseLink } from './pulse-link.ts';
import { runEach } from './run-each.ts';
import { LiveSecrets } from './secrets/live-secrets.ts';
import { slotsFor } from './slots.ts';
import { WorkerLife } from './worker-life.ts';
import type { WorkerEvent } from './worker-state.ts';

/** A worker that can be started. */
export interface Worker {
  /**
   * What it does, as it does it: its log is made of this. To subscribe starts the worker, so subscribe once. The last
   * item is its state `stopped`, with the reason.
   */
  readonly events$: Observable<WorkerNews>;
}

/**
 * One worker: it asks for work while it has a free slot, runs what it is given, and ends when it is told to, has done
 * enough or waited long enough, and its last run is over.
 *
 * @param pulse where events come from; without it the worker polls
 */
export function createWorker(
  parts: WorkerParts,
  pulse: Pulse | undefined,
  shutdown$: Observable<Shutdown>,
): Worker {
  const events$ = defer(() => {
    const { config, queue } = parts;
    const told$ = new Subject<WorkerNews>();
    const tell = (news: WorkerNews) => {
      told$.next(news);
    };
    const life = new WorkerLife(parts.random);
    const slots = slotsFor(config.capacity, config.numberOfTasksToRun || Infinity);
    const link = pulse ? pulseLink(pulse, config, slots, tell) : NO_PULSE;
    const { exceptions$, missed$ } = link;
    const shutOut = quarantine(queue, slots, tell);
    const released$ = shutOut.release$.pipe(share());
    const toldToGo$ = shutdown$.pipe(
      filter(isNow),
      map(() => performance.now()),
      shareReplay(1),
    );
    const { secrets = new LiveSecrets() } = parts;
    secrets.addAllOf(config);
    const worker: WorkerContext = {
      ...parts,
      secrets,
      tell,
      exceptions$,
      missed$,
      shutdown$: toldToGo$,
      draining$: life.draining$,
    };

    // Asking: a claim for each notice, a look for tasks that had none, and polling while there is no Pulse.
    const notice$ = link.notices$.pipe(share());
    const looking$ = released$.pipe(
      startWith(undefined),
      switchMap(() => look(queue, slots, notice$, tell)),
    );
    const demand$ = merge(
      life.whilePulseIs('down', poll(slots)),
      life.whilePulseIs('up', looking$),
      notice$.pipe(listen(queue, slots)),
    ).pipe(takeUntil(life.draining$));

    // Working: completes once nothing more is asked for, what was asked for has come, and the last run is over.
    const work$ = demand$.pipe(
      claim(queue, tell, life.draining$, shutOut),
      runEach(worker, slots, () => life.draining),
      share(),
    );

    // Steering: how work is asked for, and when to go.
    const steps$: Observable<WorkerEvent> = merge(
      link.up$.pipe(map(up => ({ type: 'pulse' as const, up }))),
      merge(
        shutdown$.pipe(map(how => (how === 'finish' ? ('stopped' as const) : ('shutdown' as const)))),
        limits(config, work$, slots),
      ).pipe(map(because => ({ type: 'drain' as const, because }))),
      concat(work$.pipe(ignoreElements()), [{ type: 'drained' as const }]),
    );
    const steering$ = merge(
      // Runs are told of what came before them.
      exceptions$,
      missed$,
      toldToGo$,
      released$,
      steps$.pipe(tap(event => life.dispatch(event))),
    ).pipe(ignoreElements());

    const states$ = life.state$.pipe(map((state): WorkerNews => ({ type: 'worker', state })));
    return merge(told$, states$, work$, steering$).pipe(takeWhile(news => !isTheEnd(news), true));
  });
  return { events$ };
}

function isNow(how: Shutdown): boolean {
  return how === 'now';
}

function isTheEnd(news: WorkerNews): boolean {
  return news.type === 'worker' && news.state.phase === 'stopped';
}
