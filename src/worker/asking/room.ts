import { defer, exhaustMap, filter, finalize, repeat, Subject, take, type Observable } from 'rxjs';
import type { Tell } from '../events.ts';
import type { Slots } from '../life/slots.ts';
import type { DiskCollector } from '../stores/index.ts';

/** How often a worker that is short of disk looks for some, in ms. */
const LOOK_AGAIN_MS = 10_000;

export interface Room {
  /**
   * Looks before a claim whether another run can have what it needs of the machine.
   *
   * @returns false when it cannot. The worker has no free slots then until it can
   */
  readonly isThere: () => Promise<boolean>;
  /** Whether the worker asks for no work at present. */
  readonly isOut: boolean;
  /** Waits for what is missing, or makes it. Emits when it is there again: the notices of what waits may be gone. */
  readonly release$: Observable<unknown>;
}

/** Room in all of them. */
export function roomInAll(rooms: readonly Pick<Room, 'isThere'>[]): Pick<Room, 'isThere'> {
  return {
    isThere: async () => (await Promise.all(rooms.map(room => room.isThere()))).every(Boolean),
  };
}

/**
 * Keeps a worker from claiming tasks for which its disk has no room. To free disk may take minutes, which a task that some
 * other worker could run does not wait for: so a claim is given up at once, and the slots are free again when there is room.
 */
export function room(
  collector: Pick<DiskCollector, 'shortages' | 'makeRoom'>,
  slots: Pick<Slots, 'pause' | 'resume'>,
  tell: Tell,
  lookAgainMs = LOOK_AGAIN_MS,
): Room {
  const short$ = new Subject<void>();
  let isOut = false;
  let isTold = false;

  /** @returns whether there is enough now */
  const freed = async (): Promise<boolean> => {
    try {
      if (!(await collector.makeRoom())) {
        const [short] = await collector.shortages();
        if (short && !isTold) {
          const { folder, freeBytes, totalBytes, requiredBytes } = short;
          isTold = true;
          tell({ type: 'disk-short', folder, freeBytes, totalBytes, requiredBytes });
        }
        if (short) return false;
      }
    } catch (err) {
      tell({ type: 'disk-unknown', err });
      return false;
    }
    if (isTold) tell({ type: 'disk-enough' });
    isTold = false;
    isOut = false;
    slots.resume('disk');
    return true;
  };

  return {
    get isOut() {
      return isOut;
    },
    isThere: async () => {
      if (isOut) return false;
      try {
        if ((await collector.shortages()).length === 0) return true;
      } catch (err) {
        // Whatever is wrong with the disk, the run is going to tell.
        tell({ type: 'disk-unknown', err });
        return true;
      }
      isOut = true;
      slots.pause('disk');
      short$.next();
      return false;
    },
    release$: defer(() =>
      short$.pipe(
        exhaustMap(() => defer(freed).pipe(repeat({ delay: lookAgainMs }), filter(Boolean), take(1))),
      ),
    ).pipe(
      finalize(() => {
        isOut = false;
        slots.resume('disk');
      }),
    ),
  };
}
