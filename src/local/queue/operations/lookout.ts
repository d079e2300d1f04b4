import type { Clock } from '../../clock.ts';
import type { PendingRun, PendingRuns } from '../tasks/pending-runs.ts';

/** Finds runs for the open `claimWork` calls. */
export interface Lookout {
  /** Waits for up to `count` runs, and takes them. None when `signal` is aborted first. */
  next(taskQueueId: string, count: number, signal: AbortSignal): Promise<PendingRun[]>;
  /** Lets all calls go with nothing. */
  close(): void;
}

interface OpenCall {
  readonly count: number;
  readonly give: (runs: PendingRun[]) => void;
}

/**
 * Looks for runs as the queue's web processes do: at once when a call comes, and every `lookAgainMs` after that for
 * as long as calls are open.
 *
 * The calls for one task queue share one look. A call that comes while the others sleep sleeps with them, and so
 * does one that comes when the last of the others has just gone away. That is what makes one long poll slow the
 * whole pool.
 */
export function createLookout(pending: PendingRuns, clock: Clock, lookAgainMs: number): Lookout {
  /** The open calls of each task queue that somebody looks at, or sleeps for. */
  const openCalls = new Map<string, OpenCall[]>();
  const sleeps = new Map<string, () => void>();
  let closed = false;

  function look(taskQueueId: string, calls: OpenCall[]): void {
    sleeps.delete(taskQueueId);
    while (calls.length > 0) {
      const wanted = calls.reduce((sum, { count }) => sum + count, 0);
      const runs = pending.take(taskQueueId, wanted, clock.now());
      if (runs.length === 0) {
        const stop = clock.after(lookAgainMs, () => look(taskQueueId, calls));
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
        look(taskQueueId, calls);
      });
    },
    close() {
      closed = true;
      for (const stop of sleeps.values()) stop();
      for (const calls of openCalls.values()) for (const call of calls.splice(0)) call.give([]);
    },
  };
}
