import { defer, exhaustMap, filter, finalize, repeat, Subject, take, type Observable } from 'rxjs';
import type { Emit } from '../events.ts';
import type { Slots } from '../life/slots.ts';
import type { DiskCollector } from '../stores/index.ts';

/** How often a worker that is short of disk space tries to free some, in ms. */
const RECHECK_MS = 10_000;

export interface ClaimGate {
  /**
   * Checks before a claim whether this machine has what another run needs.
   *
   * @returns false if it does not. The worker then has no free slots until it does
   */
  readonly check: () => Promise<boolean>;
  /** Whether the worker must not ask for work at present. */
  readonly isClosed: boolean;
  /** Waits for the missing resource or frees it, and emits when it is there. Notices may have been missed. */
  readonly opened$: Observable<unknown>;
}

/** Combines several checks: all of them must succeed. */
export function allGates(gates: readonly Pick<ClaimGate, 'check'>[]): Pick<ClaimGate, 'check'> {
  return {
    check: async () => (await Promise.all(gates.map(gate => gate.check()))).every(Boolean),
  };
}

/**
 * Keeps a worker from claiming tasks for which its disk has no room. Freeing disk space may take minutes, in
 * which another worker could run the task. So the claim is given up at once, and the slots become free when
 * there is room.
 */
export function diskGate(
  collector: Pick<DiskCollector, 'shortages' | 'makeRoom'>,
  slots: Pick<Slots, 'pause' | 'resume'>,
  emit: Emit,
  recheckMs = RECHECK_MS,
): ClaimGate {
  const short$ = new Subject<void>();
  let isOut = false;
  let isReported = false;

  /** @returns whether there is enough space now */
  const freed = async (): Promise<boolean> => {
    try {
      if (!(await collector.makeRoom())) {
        const [short] = await collector.shortages();
        if (short && !isReported) {
          const { folder, freeBytes, totalBytes, requiredBytes } = short;
          isReported = true;
          emit({ type: 'disk-short', folder, freeBytes, totalBytes, requiredBytes });
        }
        if (short) return false;
      }
    } catch (err) {
      emit({ type: 'disk-unknown', err });
      return false;
    }
    if (isReported) emit({ type: 'disk-enough' });
    isReported = false;
    isOut = false;
    slots.resume('disk');
    return true;
  };

  return {
    get isClosed() {
      return isOut;
    },
    check: async () => {
      if (isOut) return false;
      try {
        if ((await collector.shortages()).length === 0) return true;
      } catch (err) {
        // If the disk has a problem, the run will report it.
        emit({ type: 'disk-unknown', err });
        return true;
      }
      isOut = true;
      slots.pause('disk');
      short$.next();
      return false;
    },
    opened$: defer(() =>
      short$.pipe(
        exhaustMap(() => defer(freed).pipe(repeat({ delay: recheckMs }), filter(Boolean), take(1))),
      ),
    ).pipe(
      finalize(() => {
        isOut = false;
        slots.resume('disk');
      }),
    ),
  };
}
