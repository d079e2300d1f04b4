import {
  combineLatest,
  distinctUntilChanged,
  filter,
  map,
  merge,
  NEVER,
  of,
  shareReplay,
  skip,
  switchMap,
  take,
  timer,
  type Observable,
} from 'rxjs';
import type { Pulse } from '../../pulse/index.ts';
import { pendingNotices, runExceptions, type PendingNotice, type RunException } from '../../streams/index.ts';
import type { WorkerConfig } from '../config/index.ts';
import type { Emit } from '../events.ts';
import type { Slots } from '../life/slots.ts';

/**
 * How long Pulse may be away, in ms, before the worker polls instead. A short cut is not worth a long poll of
 * 20 s.
 */
const PATIENCE_MS = 2_000;
/**
 * How long exceptions are remembered, in ms. A run's exception may arrive before the answer that contains its claim.
 */
const MEMORY_MS = 60_000;
/** How long the consumer of extra notices is kept when none is wanted, in ms. By then, all of them are settled. */
const KEPT_MS = 30_000;

/** A worker's use of Pulse: two queues over one connection, independent of the number of slots. */
export interface PulseLink {
  readonly notices$: Observable<PendingNotice>;
  /** Notices for calls that wait. They precede those of all other workers of the pool. */
  readonly extraNotices$: Observable<PendingNotice>;
  readonly exceptions$: Observable<RunException>;
  /** Whether both queues are being consumed. Emits for the first time when they are, or when that takes too long. */
  readonly up$: Observable<boolean>;
  /** Exceptions may have been missed until this time (`performance.now()`). Replays the last time. */
  readonly missed$: Observable<number>;
}

/** The link of a worker without Pulse. */
export const NO_PULSE: PulseLink = {
  notices$: NEVER,
  extraNotices$: NEVER,
  exceptions$: NEVER,
  up$: of(false),
  missed$: NEVER,
};

/**
 * Consumes exceptions first and notices afterwards, so that no claim is made whose end would go unnoticed.
 *
 * @param extra$ how many notices are wanted for calls that wait
 */
export function pulseLink(
  pulse: Pulse,
  config: WorkerConfig,
  slots: Slots,
  extra$: Observable<number>,
  emit: Emit,
): PulseLink {
  const onProblem = (problem: string) => {
    emit({ type: 'pulse-problem', problem });
  };
  const exceptions = runExceptions(pulse, config, onProblem);
  const taskQueueId = `${config.provisionerId}/${config.workerType}`;
  const notices = pendingNotices(pulse, taskQueueId, slots.free$, onProblem);

  const firstListening$ = merge(exceptions.listening$.pipe(filter(Boolean)), timer(PATIENCE_MS)).pipe(
    take(1),
  );
  const both$ = combineLatest([exceptions.listening$, notices.listening$]).pipe(
    map(listening => listening.every(Boolean)),
    distinctUntilChanged(),
  );
  return {
    exceptions$: exceptions.items$.pipe(
      shareReplay({ bufferSize: 1_000, windowTime: MEMORY_MS, refCount: true }),
    ),
    extraNotices$: extra$.pipe(
      map(extra => extra > 0),
      distinctUntilChanged(),
      switchMap(isWanted => (isWanted ? of(true) : timer(KEPT_MS).pipe(map(() => false)))),
      distinctUntilChanged(),
      switchMap(isKept => (isKept ? pendingNotices(pulse, taskQueueId, extra$, onProblem, 1).items$ : NEVER)),
    ),
    notices$: firstListening$.pipe(switchMap(() => notices.items$)),
    up$: both$.pipe(
      switchMap(up => (up ? of(true) : timer(PATIENCE_MS).pipe(map(() => false)))),
      distinctUntilChanged(),
    ),
    // Skips the present state, but not the first connection, because a run may begin while Pulse is away.
    missed$: exceptions.listening$.pipe(
      skip(1),
      filter(Boolean),
      map(() => performance.now()),
      shareReplay({ bufferSize: 1, refCount: true }),
    ),
  };
}
