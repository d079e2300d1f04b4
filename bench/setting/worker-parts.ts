import { connectQueue } from '../../src/queue/index.ts';
import { Secret } from '../../src/pulse/index.ts';
import { configDefaults, nativeEngine, type WorkerConfig, type WorkerParts } from '../../src/worker/index.ts';

/** Makes the parts of a worker, as `tcw run` would, of the variables that the benchmark starts its workers with. */
export async function workerParts(): Promise<WorkerParts> {
  const value = (name: string) => process.env[name] ?? '';
  const config: WorkerConfig = {
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
  };
  const queue = connectQueue({
    rootUrl: config.rootURL,
    credentials: config,
    taskQueueId: `${config.provisionerId}/${config.workerType}`,
    workerGroup: config.workerGroup,
    workerId: config.workerId,
  });
  return { config, queue, engine: await nativeEngine({ ahead: true }), version: 'benchmark' };
}
