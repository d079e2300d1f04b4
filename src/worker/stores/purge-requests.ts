import { unlessAborted } from '../../base/index.ts';
import type { Queue } from '../../taskcluster/index.ts';
import type { Tell } from '../events.ts';

/** How often the service is asked, at most, in ms. Its answers are cached for a while, too. */
const ASK_AGAIN_MS = 60_000;
/** How far back an answer is to reach, beyond the last one, in ms: clocks differ. */
const OVERLAP_MS = 5 * 60_000;
/** How long an answer is waited for, in ms. Without one the caches are used as they are. */
const PATIENCE_MS = 10_000;

/** What the purge-cache service wants to be thrown away: caches by their name, and when they were made at the latest. */
export type Purged = ReadonlyMap<string, number>;

export interface PurgeRequests {
  /**
   * What is to be purged, by an answer that is at most a minute old. Callers at the same time share one question. When the
   * service does not answer, the last answer counts.
   *
   * @returns by the cache's name, the time before which it was made, in ms since the epoch by the queue's clock
   * @throws the reason of the signal
   */
  asked(signal: AbortSignal): Promise<Purged>;
}

export interface PurgeOptions {
  /** Called with the worker's own credentials. */
  readonly queue: Pick<Queue, 'service'>;
  /** `<provisionerId>/<workerType>` */
  readonly workerPoolId: string;
  readonly tell: Tell;
  /** A clock that goes evenly, in ms. */
  readonly monotonic?: () => number;
  readonly patienceMs?: number;
}

/** Asks the purge-cache service for the requests of a worker pool, when a run wants a cache. */
export function purgeRequests(options: PurgeOptions): PurgeRequests {
  const { queue, workerPoolId, tell, monotonic = () => performance.now() } = options;
  const { patienceMs = PATIENCE_MS } = options;
  let askedAt = -Infinity;
  let newestMs: number | undefined;
  let answer: Promise<Purged> = Promise.resolve(new Map());

  const ask = async (last: Promise<Purged>): Promise<Purged> => {
    try {
      const call = queue.service(AbortSignal.timeout(patienceMs));
      const since = newestMs === undefined ? {} : { since: new Date(newestMs - OVERLAP_MS).toJSON() };
      const { requests } = await call('purgeCache', 'purgeRequests', workerPoolId, since);
      // What no run has heard of yet is told again.
      const purged = new Map(await last);
      for (const { cacheName, before } of requests) {
        const beforeMs = Date.parse(before);
        if (Number.isNaN(beforeMs)) continue;
        purged.set(cacheName, Math.max(beforeMs, purged.get(cacheName) ?? -Infinity));
        newestMs = Math.max(beforeMs, newestMs ?? -Infinity);
      }
      return purged;
    } catch (err) {
      tell({ type: 'purge-requests-failed', err });
      return last;
    }
  };

  return {
    asked: async signal => {
      signal.throwIfAborted();
      if (monotonic() - askedAt >= ASK_AGAIN_MS) {
        askedAt = monotonic();
        answer = ask(answer);
      }
      return unlessAborted(answer, signal);
    },
  };
}
