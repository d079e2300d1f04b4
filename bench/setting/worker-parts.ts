import { connectQueue } from '../../src/taskcluster/index.ts';
import { Secret } from '../../src/base/index.ts';
import { enginesOf } from '../../src/worker/engines/engines.ts';
import { configDefaults, FEATURES, nativeEngine, type WorkerOptions } from '../../src/worker/index.ts';
import type { WorkerParts } from '../../src/worker/life/context.ts';
import { openFeatures } from '../../src/worker/features/index.ts';
import { payloadsOf } from '../../src/worker/payloads/index.ts';
import { LiveSecrets } from '../../src/worker/secrets/live-secrets.ts';
import { diskCollector } from '../../src/worker/stores/index.ts';

/**
 * Returns the options with which `tcw run` would start a worker, from the variables that the benchmark sets for its
 * workers.
 */
export function workerOptions(): WorkerOptions {
  const value = (name: string) => process.env[name] ?? '';
  return {
    version: 'benchmark',
    config: {
      ...configDefaults(),
      rootURL: value('TCW_ROOT_URL'),
      clientId: value('TCW_CLIENT_ID'),
      accessToken: new Secret(value('TCW_ACCESS_TOKEN')),
      provisionerId: value('TCW_PROVISIONER_ID'),
      workerType: value('TCW_WORKER_TYPE'),
      workerGroup: value('TCW_WORKER_GROUP'),
      workerId: value('TCW_WORKER_ID'),
      capacity: Number(value('TCW_CAPACITY')),
      tasksDir: value('TCW_TASKS_DIR'),
      pulseUrl: new Secret(value('TCW_PULSE_URL')),
    },
  };
}

/** Returns the parts of such a worker, for a worker that claims work in another way. */
export async function workerParts(): Promise<WorkerParts> {
  const { config, version } = workerOptions();
  const queue = connectQueue({
    rootUrl: config.rootURL,
    credentials: config,
    taskQueueId: `${config.provisionerId}/${config.workerType}`,
    workerGroup: config.workerGroup,
    workerId: config.workerId,
  });
  const engines = enginesOf([await nativeEngine({ ahead: true })]);
  const requiredBytes = config.requiredDiskSpaceMegabytes * 1024 ** 2;
  const collector = diskCollector({ tasksDir: config.tasksDir, requiredBytes, emit: () => undefined });
  const features = await openFeatures(FEATURES, {
    config,
    queue,
    engines: engines.all,
    engineFor: task => engines.for(task),
    version,
    emit: () => undefined,
    secrets: new LiveSecrets(),
    collector,
  });
  const payloads = payloadsOf(engines.formats, FEATURES);
  return { config, queue, engines, version, features: features.all, payloads, collector };
}
