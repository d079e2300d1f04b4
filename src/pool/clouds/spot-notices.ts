import { setTimeout as sleep } from 'node:timers/promises';
import { Observable } from 'rxjs';
import type { Leave } from '../host.ts';
import type { Note } from '../note.ts';
import type { MetadataService } from './metadata-service.ts';

/** What a cloud says of the end of its machine. */
export interface SpotNotice {
  /** Completes "the worker goes, because …" */
  readonly because: string;
  /** What is left, in ms. */
  readonly withinMs: number;
}

/** One question to a cloud: undefined for a machine that stays. @throws whatever keeps it from an answer */
export type AskForNotice = (service: MetadataService, signal: AbortSignal) => Promise<SpotNotice | undefined>;

export interface SpotWatch {
  readonly ask: AskForNotice;
  /** From one answer to the next question, in ms. */
  readonly everyMs: number;
}

/** After so many failed questions in a row, the log says that nobody would hear of a notice. */
const FAILURES_TOLD = 3;
/** A service that does not answer is asked less often, in ms. */
const SLOWEST_MS = 30_000;

/**
 * Watches for the notice that the cloud takes the machine away, and emits it once. A metadata service that does not answer, or
 * answers nonsense, ends nothing: the log says it once, and the questions go on.
 */
export function spotNotices(
  service: MetadataService,
  { ask, everyMs }: SpotWatch,
  note: Note,
): Observable<Leave> {
  return new Observable<Leave>(subscriber => {
    const left = new AbortController();
    const watch = async () => {
      for (let failures = 0; !left.signal.aborted;) {
        try {
          const notice = await ask(service, left.signal);
          if (failures >= FAILURES_TOLD) note('info', 'the cloud says again whether this machine has to go');
          failures = 0;
          if (notice) {
            subscriber.next({ how: 'now', ...notice });
            subscriber.complete();
            return;
          }
        } catch (err) {
          if (left.signal.aborted) return;
          failures++;
          if (failures === FAILURES_TOLD) {
            note(
              'warn',
              'the cloud does not say whether this machine has to go: a spot notice would not be heard',
              { err },
            );
          }
        }
        const waitMs =
          failures < FAILURES_TOLD
            ? everyMs
            : Math.min(SLOWEST_MS, everyMs * 2 ** (failures - FAILURES_TOLD));
        await sleep(waitMs, undefined, { signal: left.signal, ref: false }).catch(() => undefined);
      }
    };
    watch().catch((error: unknown) => {
      subscriber.error(error);
    });
    return () => {
      left.abort(new Error('the worker goes'));
    };
  });
}
