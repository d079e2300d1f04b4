import { unlessAborted } from '../../base/index.ts';
import type { Queue } from '../../taskcluster/index.ts';
import type { Emit } from '../events.ts';

/** Shortest interval between requests to the service, in ms. It caches its answers for a while, too. */
const ASK_AGAIN_MS = 60_000;
/** How far an answer must reach back beyond the last one, in ms, because clocks differ. */
const OVERLAP_MS = 5 * 60_000;
/** Time limit for an answer, in ms. Without one, the caches are used as they are. */
const PATIENCE_MS = 10_000;

/** Caches that the purge-cache service wants removed: by name, with the latest time of creation. */
export type Purged = ReadonlyMap<string, number>;

export interface PurgeRequests {
  /**
   * Returns the purge requests, from an answer that is at most a minute old. Concurrent callers share one
   * request. If the service does not answer, the last answer counts.
   *
   * @returns by the cache's name, the time before which it was created, in ms since the epoch by the queue's
   *   clock
   * @throws the reason of the signal
   */
  asked(signal: AbortSignal): Promise<Purged>;
}

export interface PurgeOptions {
  /** Calls are made with the worker's own credentials. */
  readonly queue: Pick<Queue, 'service'>;
  /** `<provisionerId>/<workerType>` */
  readonly workerPoolId: string;
  readonly emit: Emit;
  /** A monotonic clock, in ms. */
  readonly monotonic?: () => number;
  readonly patienceMs?: number;
}

/** Asks the purge-cache service for the requests of a worker pool, when a run wants a cache. */
export function purgeRequests(options: PurgeOptions): PurgeRequests {
  const { queue, workerPoolId, emit, monotonic = () => performance.now() } = options;
  const { patienceMs = PATIENCE_MS } = options;
  let askedAt = -Infinity;
  let newestMs: number | undefined;
  let answer: Promise<Purged> = Promise.resolve(new Map());

  const ask = async (last: Promise<Purged>): Promise<Purged> => {
    try {
      const call = queue.service(AbortSignal.timeout(patienceMs));
      const since = newestMs === undefined ? {} : { since: new Date(newestMs - OVERLAP_MS).toJSON() };
      const { requests } = await call('purgeCache', 'purgeRequests', workerPoolId, since);
      // Requests that no run has used yet are returned again.
      const purged = new Map(await last);
      for (const { cacheName, before } of requests) {
        const beforeMs = Date.parse(before);
        if (Number.isNaN(beforeMs)) continue;
        purged.set(cacheName, Math.max(beforeMs, purged.get(cacheName) ?? -Infinity));
        newestMs = Math.max(beforeMs, newestMs ?? -Infinity);
      }
      return purged;
    } catch (err) {
      emit({ type: 'purge-requests-failed', err });
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
