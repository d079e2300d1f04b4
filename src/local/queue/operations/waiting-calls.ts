import type { Clock } from '../../clock.ts';
import type { PendingRun, PendingRuns } from '../tasks/pending-runs.ts';

/** Finds runs for open `claimWork` calls. */
export interface WaitingCalls {
  /** Waits for up to `count` runs, and takes them. Returns none when `signal` is aborted first. */
  next(taskQueueId: string, count: number, signal: AbortSignal): Promise<PendingRun[]>;
  /** Ends all calls with nothing. */
  close(): void;
}

interface OpenCall {
  readonly count: number;
  readonly give: (runs: PendingRun[]) => void;
}

/**
 * Checks for runs like the queue's web processes: at once when a call arrives, and every `checkIntervalMs` from
 * then on, while calls are open.
 *
 * The calls for one task queue share these checks. A call that arrives between two checks waits for the next
 * one, even if the last of the other calls has just ended. That is why one long poll slows the whole pool.
 */
export function createWaitingCalls(
  pending: PendingRuns,
  clock: Clock,
  checkIntervalMs: number,
): WaitingCalls {
  /** The open calls of each task queue that are being checked or wait for the next check. */
  const openCalls = new Map<string, OpenCall[]>();
  const sleeps = new Map<string, () => void>();
  let closed = false;

  function check(taskQueueId: string, calls: OpenCall[]): void {
    sleeps.delete(taskQueueId);
    while (calls.length > 0) {
      const wanted = calls.reduce((sum, { count }) => sum + count, 0);
      const runs = pending.take(taskQueueId, wanted, clock.now());
      if (runs.length === 0) {
        const stop = clock.after(checkIntervalMs, () => check(taskQueueId, calls));
        sleeps.set(taskQueueId, stop);
        return;
      }
      while (runs.length > 0) {
        const call = calls.shift();
        call?.give(runs.splice(0, call.count));
      }
    }
    openCalls.delete(taskQueueId);
  }

  return {
    next(taskQueueId, count, signal) {
      return new Promise(resolve => {
        if (signal.aborted || closed) {
          resolve([]);
          return;
        }
        const calls = openCalls.get(taskQueueId) ?? [];
        const call: OpenCall = { count, give: resolve };
        calls.push(call);
        const leave = (): void => {
          const index = calls.indexOf(call);
          if (index !== -1) calls.splice(index, 1);
          resolve([]);
        };
        signal.addEventListener('abort', leave, { once: true });
        if (openCalls.has(taskQueueId)) return;
        openCalls.set(taskQueueId, calls);
        check(taskQueueId, calls);
      });
    },
    close() {
      closed = true;
      for (const stop of sleeps.values()) stop();
      for (const calls of openCalls.values()) for (const call of calls.splice(0)) call.give([]);
    },
  };
}
