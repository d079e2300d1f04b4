import { purgeCacheApi, type PurgeCacheApi } from '../../taskcluster/index.ts';
import type { Clock } from '../clock.ts';
import { createService, type Service } from '../http/api.ts';
import { pageOf } from '../http/pages.ts';
import { ping } from '../http/ping.ts';
import { isoTime, parseTime } from '../times.ts';

interface PurgeRequest {
  readonly workerPoolId: string;
  readonly cacheName: string;
  /** Caches that were created before this time are to be removed. */
  readonly before: number;
}

/** How long requests are kept. */
const LIFE = 24 * 3_600_000;

/** The purge-cache service: says which caches the workers of a pool should remove. */
export function purgeCacheService(clock: Clock): Service {
  const requests = new Map<string, PurgeRequest>();

  const living = (): PurgeRequest[] =>
    [...requests.values()].filter(({ before }) => before > clock.now() - LIFE);

  return createService<PurgeCacheApi>('purge-cache', purgeCacheApi, {
    ping,

    async purgeCache({ params: { workerPoolId }, body: { cacheName }, authorize }) {
      await authorize({ workerPoolId, cacheName });
      requests.set(`${workerPoolId}:${cacheName}`, { workerPoolId, cacheName, before: clock.now() });
      return undefined;
    },

    purgeRequests({ params, query: { since } }) {
      const from = since === undefined ? 0 : parseTime(since);
      const found = living().filter(
        ({ workerPoolId, before }) => workerPoolId === params.workerPoolId && before >= from,
      );
      return { requests: found.map(describe) };
    },

    allPurgeRequests({ query }) {
      const { items, ...rest } = pageOf(living(), query);
      return { requests: items.map(describe), ...rest };
    },
  });
}

function describe({ workerPoolId, cacheName, before }: PurgeRequest) {
  const [provisionerId = '', workerType = ''] = workerPoolId.split('/');
  return { provisionerId, workerType, cacheName, before: isoTime(before) };
}
