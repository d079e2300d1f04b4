import { access } from 'node:fs/promises';
import type { WorkerHost } from '../feature.ts';
import { openCaches, openedOnce, purgeRequests, type Caches, type Downloads } from '../../stores/index.ts';

/**
 * The stores for a worker's mounts. The downloads are shared with other features. Each store is opened when it
 * is needed, or when it already has content.
 */
export interface MountStores extends AsyncDisposable {
  readonly downloads: () => Promise<Downloads>;
  readonly caches: () => Promise<Caches>;
}

/** The configuration of the stores. */
interface StoresConfig {
  readonly cachesDir: string;
  readonly capacity: number;
  readonly downloadsDir: string;
  readonly provisionerId: string;
  readonly workerType: string;
}

/** @throws Error of the system when an existing folder cannot be used */
export async function mountStores(
  config: StoresConfig,
  { queue, emit, collector, downloads }: Pick<WorkerHost, 'queue' | 'emit' | 'collector' | 'downloads'>,
): Promise<MountStores> {
  const { cachesDir, capacity, downloadsDir, provisionerId, workerType } = config;
  const workerPoolId = `${provisionerId}/${workerType}`;
  const caches = openedOnce(collector, () =>
    openCaches(cachesDir, {
      capacity,
      emit,
      // Purge requests have the queue's time.
      now: () => queue.now(),
      purge: purgeRequests({ queue, workerPoolId, emit }),
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
