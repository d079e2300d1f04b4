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
import type { Tell } from '../events.ts';
import type { Slots } from '../life/slots.ts';

/** How long Pulse may be away, in ms, until the worker polls instead: a short cut is not worth a long poll of 20 s. */
const PATIENCE_MS = 2_000;
/** Exceptions are remembered for so long (ms): the one of a run may come before the answer that tells of its claim. */
const MEMORY_MS = 60_000;

/** What a worker has of Pulse: two queues over one connection, whatever its number of slots. */
export interface PulseLink {
  readonly notices$: Observable<PendingNotice>;
  readonly exceptions$: Observable<RunException>;
  /** Whether both are listened to. First said when it is so, or when it has not come about in time. */
  readonly up$: Observable<boolean>;
  /** Exceptions may have been missed, until this time (`performance.now()`); the last such time comes first. */
  readonly missed$: Observable<number>;
}

/** A worker without Pulse. */
export const NO_PULSE: PulseLink = { notices$: NEVER, exceptions$: NEVER, up$: of(false), missed$: NEVER };

/** Listens to exceptions first, and to notices only then: no claim without being told of its end. */
export function pulseLink(pulse: Pulse, config: WorkerConfig, slots: Slots, tell: Tell): PulseLink {
  const onProblem = (problem: string) => {
    tell({ type: 'pulse-problem', problem });
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
    notices$: firstListening$.pipe(switchMap(() => notices.items$)),
    up$: both$.pipe(
      switchMap(up => (up ? of(true) : timer(PATIENCE_MS).pipe(map(() => false)))),
      distinctUntilChanged(),
    ),
    // The present state is skipped, not the first time: a run may begin while there is no Pulse.
    missed$: exceptions.listening$.pipe(
      skip(1),
      filter(Boolean),
      map(() => performance.now()),
      shareReplay({ bufferSize: 1, refCount: true }),
    ),
  };
}
