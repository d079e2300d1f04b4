import {
  concat,
  defer,
  distinctUntilChanged,
  EMPTY,
  filter,
  from,
  ignoreElements,
  map,
  merge,
  of,
  scan,
  share,
  shareReplay,
  startWith,
  Subject,
  switchMap,
  takeUntil,
  takeWhile,
  tap,
  timer,
} from 'rxjs';
import type { Observable } from 'rxjs';
import type { Pulse } from '../pulse/index.ts';
import type { Shutdown } from '../streams/index.ts';
import { claim } from './asking/claim.ts';
import { ENGINE_WATCH_TIMES, engineWatch } from './asking/engine-watch.ts';
import { askingState } from './asking/asking-state.ts';
import { takenByWaitingCalls } from './asking/extra-notices.ts';
import { demandFromNotices } from './asking/notice-demand.ts';
import { pendingCheck } from './asking/pending-check.ts';
import { poll } from './asking/poll.ts';
import { quarantine } from './asking/quarantine.ts';
import { diskGate, allGates } from './asking/claim-gate.ts';
import type { WorkerContext, WorkerParts } from './life/context.ts';
import type { WorkerEvent } from './events.ts';
import { limits, isIdle } from './life/limits.ts';
import { notNeeded, stillNeeded } from './life/needed.ts';
import { NO_PULSE, pulseLink } from './asking/pulse-link.ts';
import { runEach } from './asking/run-each.ts';
import { LiveSecrets } from './secrets/live-secrets.ts';
import { slotsFor } from './life/slots.ts';
import { WorkerLife } from './life/worker-life.ts';
import type { LifeEvent } from './life/worker-state.ts';

/** Time that a forced worker gives its processes to die and its reports to be answered, in ms. */
const FORCED_MS = 2_000;

/** A worker that has not been started. */
export interface Worker {
  /**
   * Everything that the worker does. Subscribing starts the worker, so subscribe only once. The last item is
   * its state `stopped`, with the reason.
   */
  readonly events$: Observable<WorkerEvent>;
}

/**
 * Creates a worker. It asks for work while it has a free slot and runs the tasks that it is given. It exits
 * when it is told to, has run enough tasks or has been idle for too long, and its last run is over.
 *
 * @param pulse the source of notices and exceptions; without it the worker polls
 * @param shutdown$ tells the worker to exit. On `force`, it kills its runs, tries to report that, and ends
 *   within two seconds, even if work is unfinished. Runs that could not be reported are run again when their
 *   claims expire
 */
export function createWorker(
  parts: WorkerParts,
  pulse: Pulse | undefined,
  shutdown$: Observable<Shutdown>,
): Worker {
  const events$ = defer(() => {
    const { config, queue, collector } = parts;
    const emitted$ = new Subject<WorkerEvent>();
    const emit = (event: WorkerEvent) => {
      emitted$.next(event);
    };
    const life = new WorkerLife(parts.random);
    const slots = slotsFor(config.capacity, config.numberOfTasksToRun || Infinity);
    const asking = askingState();
    const link = pulse ? pulseLink(pulse, config, slots, asking.waiting.room$, emit) : NO_PULSE;
    const { exceptions$, missed$ } = link;
    const quarantined = quarantine(queue, slots, emit);
    const disk = collector && diskGate(collector, slots, emit);
    const engines = engineWatch(
      parts.engines.all,
      slots,
      emit,
      { ...ENGINE_WATCH_TIMES, limitMs: config.dockerAbsenceSecs * 1_000 },
      () => life.draining,
    );
    const gates = [...(disk ? [disk] : []), engines];
    const engineBack$ = engines.opened$.pipe(share());
    const released$ = merge(quarantined.ended$, disk?.opened$ ?? EMPTY, engineBack$).pipe(share());
    const shutdownAt$ = shutdownTimes(shutdown$).pipe(shareReplay(1));
    const { secrets = new LiveSecrets() } = parts;
    secrets.addAllOf(config);
    const worker: WorkerContext = {
      ...parts,
      secrets,
      emit,
      exceptions$,
      missed$,
      shutdown$: shutdownAt$,
      noClaimOpen$: defer(() => (life.draining || engines.isClosed ? asking.noClaimOpen$ : of(undefined))),
      draining$: life.draining$,
      engineBack$,
      isEngineAway: ({ task: { payload } }, options) => {
        const engine = parts.engines.for(parts.payloads.unreadable(payload));
        return engine.answers ? from(engines.isAway(engine, options)) : of(false);
      },
    };

    // Asking: a claim for each notice, pending checks for tasks without a notice, and polling while Pulse is
    // down.
    const notice$ = link.notices$.pipe(share());
    const checking$ = released$.pipe(
      startWith(undefined),
      switchMap(() => pendingCheck(queue, slots, notice$, emit, undefined, undefined, asking)),
    );
    const demand$ = merge(
      life.whilePulseIs('down', poll(slots)),
      life.whilePulseIs('up', checking$),
      notice$.pipe(demandFromNotices(queue, slots, undefined, asking)),
      link.extraNotices$.pipe(takenByWaitingCalls(queue, asking.waiting)),
    ).pipe(takeUntil(life.draining$));

    // Working: completes when no more work is asked for, every call has been answered, and the last run is
    // over.
    const work$ = demand$.pipe(
      claim(queue, emit, life.draining$, quarantined, asking, allGates(gates)),
      runEach(worker, slots, () => life.draining),
      share(),
    );

    // Control: how work is asked for, and when to exit.
    const steps$: Observable<LifeEvent> = merge(
      link.up$.pipe(map(up => ({ type: 'pulse' as const, up }))),
      merge(
        shutdown$.pipe(map(how => (how === 'finish' ? ('stopped' as const) : ('shutdown' as const)))),
        limits(
          config,
          work$,
          { unused$: slots.unused$, outOfService$: engines.outOfService(slots.outOfService$) },
          () =>
            quarantined.isActive || gates.some(({ isClosed }) => isClosed)
              ? of(true)
              : asking.confirmNothing(),
          () => (parts.isNeeded ? stillNeeded(parts.isNeeded) : of(undefined)),
        ),
        notNeeded(parts.isNeeded, isIdle(work$).pipe(filter(Boolean)), asking, parts.random),
      ).pipe(map(because => ({ type: 'drain' as const, because }))),
      merge(concat(work$.pipe(ignoreElements()), of(true)), outOfTime(shutdownAt$)).pipe(
        map(() => ({ type: 'drained' as const })),
      ),
    );
    const steering$ = merge(
      // Runs see exceptions before any other event.
      exceptions$,
      missed$,
      released$,
      steps$.pipe(tap(event => life.dispatch(event))),
      // The worker is already draining when its runs are stopped: they check that.
      shutdownAt$,
    ).pipe(ignoreElements());

    const states$ = life.state$.pipe(map((state): WorkerEvent => ({ type: 'worker', state })));
    return merge(emitted$, states$, work$, steering$).pipe(takeWhile(event => !isTheEnd(event), true));
  });
  return { events$ };
}

/** Emits the time at which the worker was first told to exit at once, or `-Infinity` when it is forced. */
function shutdownTimes(shutdown$: Observable<Shutdown>): Observable<number> {
  return shutdown$.pipe(
    filter(how => how !== 'finish'),
    map(how => (how === 'force' ? -Infinity : performance.now())),
    scan((first, again) => Math.min(first, again)),
    distinctUntilChanged(),
  );
}

/** Emits when a forced worker is out of time. Unfinished work is then abandoned. */
function outOfTime(shutdownAt$: Observable<number>): Observable<unknown> {
  return shutdownAt$.pipe(
    filter(shutdownAt => shutdownAt === -Infinity),
    switchMap(() => timer(FORCED_MS)),
  );
}

function isTheEnd(event: WorkerEvent): boolean {
  return event.type === 'worker' && event.state.phase === 'stopped';
}
