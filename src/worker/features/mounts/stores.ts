import { access } from 'node:fs/promises';
import type { WorkerHost } from '../feature.ts';
import { unusableFolder } from '../../start-error.ts';
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

/** @throws StartError when an existing folder cannot be used */
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
  await openExisting('downloadsDir', downloadsDir, downloads);
  await openExisting('cachesDir', cachesDir, caches.get);
  return {
    downloads,
    caches: caches.get,
    [Symbol.asyncDispose]: () => caches[Symbol.asyncDispose](),
  };
}

async function openExisting(property: string, folder: string, open: () => Promise<unknown>): Promise<void> {
  if (!(await exists(folder))) return;
  try {
    await open();
  } catch (error) {
    throw unusableFolder(property, folder, error);
  }
}

async function exists(folder: string): Promise<boolean> {
  return access(folder).then(
    () => true,
    () => false,
  );
}
