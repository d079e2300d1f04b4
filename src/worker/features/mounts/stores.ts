import { access } from 'node:fs/promises';
import type { WorkerHost } from '../feature.ts';
import { openCaches, openedOnce, purgeRequests, type Caches, type Downloads } from '../../stores/index.ts';

/**
 * What a worker keeps for its mounts; it shares the downloads with other features. Each store is opened when it is needed, or
 * when there is something in it already.
 */
export interface MountStores extends AsyncDisposable {
  readonly downloads: () => Promise<Downloads>;
  readonly caches: () => Promise<Caches>;
}

/** What the stores need of a worker's configuration. */
interface StoresConfig {
  readonly cachesDir: string;
  readonly capacity: number;
  readonly downloadsDir: string;
  readonly provisionerId: string;
  readonly workerType: string;
}

/** @throws Error of the system when a folder that exists cannot be used */
export async function mountStores(
  config: StoresConfig,
  { queue, tell, collector, downloads }: Pick<WorkerHost, 'queue' | 'tell' | 'collector' | 'downloads'>,
): Promise<MountStores> {
  const { cachesDir, capacity, downloadsDir, provisionerId, workerType } = config;
  const workerPoolId = `${provisionerId}/${workerType}`;
  const caches = openedOnce(collector, () =>
    openCaches(cachesDir, {
      capacity,
      tell,
      // Requests to purge have the queue's time.
      now: () => queue.now(),
      purge: purgeRequests({ queue, workerPoolId, tell }),
    }),
  );
  if (await exists(downloadsDir)) await downloads();
  if (await exists(cachesDir)) await caches.get();
  return {
    downloads,
    caches: caches.get,
    [Symbol.asyncDispose]: () => caches[Symbol.asyncDispose](),
  };
}

async function exists(folder: string): Promise<boolean> {
  return access(folder).then(
    () => true,
    () => false,
  );
}
