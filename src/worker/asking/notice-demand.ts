import {
  buffer,
  debounceTime,
  defer,
  filter,
  finalize,
  map,
  mergeMap,
  asapScheduler,
  share,
  type OperatorFunction,
} from 'rxjs';
import type { Queue } from '../../taskcluster/index.ts';
import type { PendingNotice } from '../../streams/index.ts';
import type { Slots } from '../life/slots.ts';
import { MAX_CLAIMS, type Demand } from './claim.ts';
import { askingState, type AskingState } from './asking-state.ts';

/** An older notice (ms) is checked first, because another claim may have taken its task already. */
const FRESH_MS = 5_000;
/** Time limit for this check, in ms. It occupies a slot and the notice. Without an answer, the notice is believed. */
const CHECK_MS = 4_000;

/**
 * Turns each notice of a pending task into demand for one claim. Notices that arrive together become one demand for
 * as many claims, because `claimWork` may return any tasks of the queue.
 */
export function demandFromNotices(
  queue: Queue,
  slots: Slots,
  now: () => number = () => queue.now(),
  asking: AskingState = askingState(),
): OperatorFunction<PendingNotice, Demand> {
  return notices$ =>
    defer(() => {
      // Notices that have taken a slot but are not demand yet. If Pulse is lost meanwhile, their slots are
      // returned.
      const held = new Set<PendingNotice>();
      const release = (notice: PendingNotice) => {
        if (held.delete(notice)) slots.giveBack(1);
      };
      const trusted$ = notices$.pipe(
        filter(notice => {
          // Notices beyond the free slots belong to other workers. A slot may have been taken just now.
          if (slots.take(1) === 0) {
            notice.giveBack();
            return false;
          }
          held.add(notice);
          return true;
        }),
        mergeMap(async notice => ({
          notice,
          valid: isFresh(notice, now) || (await stillCounts(notice, queue)),
        })),
        filter(({ notice, valid }) => {
          if (valid) return true;
          // The slot is returned before the notice is settled, so that the consumer's window does not change.
          release(notice);
          notice.done();
          return false;
        }),
        map(({ notice }) => notice),
        share(),
      );
      return trusted$.pipe(
        buffer(trusted$.pipe(debounceTime(0, asapScheduler))),
        mergeMap(inBatches),
        map(notices => {
          for (const notice of notices) held.delete(notice);
          return demandFor(notices, slots, asking);
        }),
        finalize(() => {
          for (const notice of [...held]) {
            release(notice);
            notice.giveBack();
          }
        }),
      );
    });
}

/**
 * Splits notices into batches of the size that the queue returns for one call. The last buffer is empty when
 * the notices end, and makes no batch.
 */
function inBatches(notices: readonly PendingNotice[]): readonly PendingNotice[][] {
  const count = Math.ceil(notices.length / MAX_CLAIMS);
  return Array.from({ length: count }, (_, batch) =>
    notices.slice(batch * MAX_CLAIMS, (batch + 1) * MAX_CLAIMS),
  );
}

function isFresh(notice: PendingNotice, now: () => number): boolean {
  return now() - notice.scheduledMs < FRESH_MS;
}

/**
 * Whether an old notice still represents a pending task. Its own run may have been claimed through another task's
 * notice, which then has no run left. So the notice counts as long as anything is pending.
 */
async function stillCounts({ taskId, runId }: PendingNotice, queue: Queue): Promise<boolean> {
  const signal = AbortSignal.timeout(CHECK_MS);
  try {
    const status = await queue.status(taskId, signal);
    if (status?.runs[runId]?.state === 'pending') return true;
    const pending = await queue.pendingTasks(signal);
    // If the worker may ask neither question, it must rely on the notice itself.
    return pending === undefined ? status === undefined : pending > 0;
  } catch {
    return true;
  }
}

function demandFor(notices: readonly PendingNotice[], slots: Slots, asking: AskingState): Demand {
  return {
    tasks: notices.length,
    isExpected: true,
    answered: claims => {
      slots.giveBack(notices.length - claims);
      for (const notice of notices) notice.done();
    },
    failed: () => {
      slots.giveBack(notices.length);
      for (const notice of notices) notice.giveBack();
      asking.noticeGivenBack();
    },
  };
}
