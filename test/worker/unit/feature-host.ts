import { openExposure } from '../../../src/worker/exposure/index.ts';
import type { Ending, WorkerHost } from '../../../src/worker/features/feature.ts';
import { LiveSecrets } from '../../../src/worker/secrets/live-secrets.ts';
import { workerConfig } from './worker-config.ts';

const ENGINE = {
  name: 'none',
  capabilities: new Set(['host-files', 'own-user']),
  hostAddress: 'localhost',
};

/** A worker for a feature that uses only its configuration. */
export function featureHost(change: Parameters<typeof workerConfig>[0] = {}): WorkerHost {
  return {
    config: workerConfig(change),
    queue: {
      service: () => {
        throw new Error('no call is made');
      },
    },
    engines: [ENGINE],
    engineFor: () => ENGINE,
    downloads: () => Promise.reject(new Error('nothing is downloaded')),
    exposure: () => openExposure(undefined),
    emit: () => undefined,
    secrets: new LiveSecrets(),
    version: '0',
  } as unknown as WorkerHost;
}

/** The ending of a run that was not stopped. */
export function ending(change: Partial<Ending> = {}): Ending {
  const { signal = new AbortController().signal } = change;
  return {
    verdict: { result: 'completed' },
    stopped: false,
    finalMessage: undefined,
    exitCode: 0,
    keepCaches: true,
    uploads: 'all',
    signal,
    logSignal: signal,
    ...change,
  };
}
