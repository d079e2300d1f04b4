import { setTimeout as sleep } from 'node:timers/promises';
import { Observable } from 'rxjs';
import type { ShutdownRequest } from '../host.ts';
import type { Note } from '../note.ts';
import type { MetadataService } from './metadata-service.ts';

/** A cloud's notice that it is going to take the machine away. */
export interface SpotNotice {
  /** Completes "the worker shuts down: …" */
  readonly because: string;
  /** The time left, in ms. */
  readonly withinMs: number;
}

/**
 * Asks a cloud once for a notice. Returns undefined if the machine stays. @throws Error if the cloud cannot be asked
 */
export type AskForNotice = (service: MetadataService, signal: AbortSignal) => Promise<SpotNotice | undefined>;

export interface SpotWatch {
  readonly ask: AskForNotice;
  /** The time between an answer and the next request, in ms. */
  readonly everyMs: number;
}

/**
 * Starts to watch for the notices of one cloud.
 *
 * @param workerId the machine's name in its cloud
 */
export type SpotNotices = (workerId: string) => SpotWatch;

/** After this many failed requests in a row, the log warns that a notice would be missed. */
const FAILURES_UNTIL_WARNING = 3;
/** The longest time between two requests to a service that does not answer, in ms. */
const SLOWEST_MS = 30_000;

/**
 * Emits once when the cloud announces that it takes the machine away. If the metadata service does not answer or
 * answers nonsense, that is logged once, and the polling continues.
 */
export function spotNotices(
  service: MetadataService,
  { ask, everyMs }: SpotWatch,
  note: Note,
): Observable<ShutdownRequest> {
  return new Observable<ShutdownRequest>(subscriber => {
    const left = new AbortController();
    const watch = async () => {
      for (let failures = 0; !left.signal.aborted;) {
        try {
          const notice = await ask(service, left.signal);
          if (failures >= FAILURES_UNTIL_WARNING)
            note('info', 'the cloud answers again when asked for an interruption notice');
          failures = 0;
          if (notice) {
            subscriber.next({ how: 'now', ...notice });
            subscriber.complete();
            return;
          }
        } catch (err) {
          if (left.signal.aborted) return;
          failures++;
          if (failures === FAILURES_UNTIL_WARNING) {
            note(
              'warn',
              'the cloud does not answer when asked for an interruption notice, so a notice would be missed',
              { err },
            );
          }
        }
        const waitMs =
          failures < FAILURES_UNTIL_WARNING
            ? everyMs
            : Math.min(SLOWEST_MS, everyMs * 2 ** (failures - FAILURES_UNTIL_WARNING));
        await sleep(waitMs, undefined, { signal: left.signal, ref: false }).catch(() => undefined);
      }
    };
    watch().catch((error: unknown) => {
      subscriber.error(error);
    });
    return () => {
      left.abort(new Error('the worker shuts down'));
    };
  });
}
