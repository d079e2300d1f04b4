import {
  BehaviorSubject,
  combineLatest,
  defer,
  distinctUntilChanged,
  EMPTY,
  exhaustMap,
  filter,
  finalize,
  from,
  ignoreElements,
  map,
  merge,
  NEVER,
  of,
  skip,
  switchMap,
  timer,
  type Observable,
} from 'rxjs';
import type { Engine } from '../engines/engine.ts';
import type { Emit } from '../events.ts';
import type { Slots } from '../life/slots.ts';
import type { ClaimGate } from './claim-gate.ts';

export interface EngineWatchTimes {
  /** Interval between checks of an engine that answers, in ms. */
  readonly everyMs: number;
  /** Interval between checks of an engine that is absent, in ms. */
  readonly againMs: number;
  /** Time that runs have after an engine's return to end their containers, in ms. */
  readonly settleMs: number;
  /** Longest absence of an engine before the worker exits, in ms; 0 for no limit. */
  readonly limitMs: number;
}

export const ENGINE_WATCH_TIMES: Omit<EngineWatchTimes, 'limitMs'> = {
  everyMs: 30_000,
  againMs: 1_000,
  settleMs: 90_000,
};

/** How long an engine's answer stays valid for a claim, in ms. The engine is asked before each `claimWork` call. */
const RECENT_MS = 1_000;

/** Watches the engines that can disappear while the worker runs. */
export interface EngineWatch extends ClaimGate {
  /**
   * Whether an engine is away. It is asked again, unless it was asked in the last second and `recent` allows that answer. An
   * engine that is found to be away pauses claiming.
   */
  isAway(engine: Engine, options?: { readonly recent?: boolean }): Promise<boolean>;
  /**
   * Whether all slots are out of service. Always false while an engine is away: a run whose container cannot be ended
   * gets its slot back when the engine returns.
   */
  outOfService(outOfService$: Observable<boolean>): Observable<boolean>;
}

/**
 * Keeps a worker from claiming tasks while one of its engines is absent. The queue cannot be asked for tasks of
 * one format only, so the worker asks for none, even if its other engines could run some.
 *
 * Each engine is checked before each claim, and periodically, so that an idle worker notices an absence as
 * well.
 *
 * @param isStopping whether the worker is already shutting down
 */
export function engineWatch(
  engines: readonly Engine[],
  slots: Pick<Slots, 'pause' | 'resume'>,
  emit: Emit,
  { everyMs, againMs, settleMs, limitMs }: EngineWatchTimes,
  isStopping: () => boolean = () => false,
): EngineWatch {
  const watched = engines.filter(({ answers }) => answers !== undefined);
  const out$ = new BehaviorSubject(false);
  /** The time (`performance.now()`) at which each absent engine was first missed. */
  const awaySince = new Map<string, number>();
  const given = new Set<string>();
  let checking: Promise<unknown> | undefined;
  /** `performance.now()` of when the engines were last asked. */
  let askedAt = -Infinity;

  const ask = async ({ name, answers }: Engine): Promise<void> => {
    try {
      await answers?.();
    } catch (err) {
      const since = awaySince.get(name);
      if (since === undefined) {
        awaySince.set(name, performance.now());
        emit({ type: 'engine-away', engine: name, reason: (err as Error).message });
      } else if (limitMs > 0 && performance.now() - since >= limitMs && !given.has(name) && !isStopping()) {
        given.add(name);
        emit({ type: 'engine-gone', engine: name, awaySecs: limitMs / 1_000 });
      }
      return;
    }
    if (awaySince.delete(name)) emit({ type: 'engine-back', engine: name });
  };

  const checkAll = async (): Promise<void> => {
    askedAt = performance.now();
    await Promise.all(watched.map(ask));
    const isAway = awaySince.size > 0;
    if (isAway === out$.value) return;
    if (isAway) slots.pause('engine');
    else slots.resume('engine');
    out$.next(isAway);
  };

  const checkOnce = (): Promise<unknown> => {
    checking ??= checkAll().finally(() => {
      checking = undefined;
    });
    return checking;
  };

  return {
    get isClosed() {
      return out$.value;
    },
    check: async () => {
      if (!out$.value) await checkOnce();
      return !out$.value;
    },
    isAway: async (engine, { recent = false } = {}) => {
      if (!watched.includes(engine)) return false;
      if (!recent || performance.now() - askedAt > RECENT_MS) {
        // A check in progress may have been answered before the event that makes the caller ask.
        await checking;
        await checkOnce();
      }
      return awaySince.has(engine.name);
    },
    opened$: merge(
      out$.pipe(
        switchMap(isAway => {
          if (watched.length === 0) return EMPTY;
          return isAway ? timer(againMs, againMs) : timer(everyMs, everyMs);
        }),
        exhaustMap(checkOnce),
        ignoreElements(),
      ),
      out$.pipe(
        skip(1),
        filter(isAway => !isAway),
      ),
    ).pipe(
      finalize(() => {
        slots.resume('engine');
      }),
    ),
    outOfService: outOfService$ =>
      defer(() => {
        let wasAway = false;
        return combineLatest([outOfService$, out$]).pipe(
          switchMap(([isOutOfService, isAway]) => {
            wasAway ||= isAway;
            if (isAway) return NEVER;
            if (!isOutOfService) return of(false);
            if (wasAway) return timer(settleMs).pipe(map(() => true));
            // An engine may have become unavailable just now, and its slots with it.
            return from(checkOnce()).pipe(
              filter(() => !out$.value),
              map(() => true),
            );
          }),
          distinctUntilChanged(),
        );
      }),
  };
}
