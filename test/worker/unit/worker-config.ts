import { Secret } from '../../../src/pulse/index.ts';
import { configDefaults, type WorkerConfig } from '../../../src/worker/config/index.ts';

/** A worker's configuration: the defaults, the required properties, and a test's changes. */
export function workerConfig(change: Partial<WorkerConfig> = {}): WorkerConfig {
  return {
    ...configDefaults(),
    rootURL: 'https://tc.example.com',
    clientId: 'project/example',
    accessToken: new Secret("the-worker's-own-token"),
    provisionerId: 'proj-example',
    workerType: 'linux',
    workerGroup: 'rack-1',
    workerId: 'machine-7',
    ...change,
  };
}
