import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalQueueOptions } from '../../../src/local/index.ts';
import { queueFaultProxy } from '../../harness/queue-fault-proxy.ts';
import { EXPIRES } from '../../local/artifact-requests.ts';
import { startQueue, TASK_QUEUE_ID, WORKER } from '../../local/queue-under-test.ts';
import { awsMachine } from '../clouds/aws-machine.ts';

export const STATIC_SECRET = 'INXp9df8QE2K8d4SI1xl1wBYOFtwokT_CGEhsK15q8Og';
export const WORKER_NAME = [TASK_QUEUE_ID, WORKER.workerGroup, WORKER.workerId] as const;

/** A worker pool at an embedded worker-manager, behind a proxy that can lose answers, and a folder for the worker. */
export async function poolUnderTest(config: object = {}, options: Partial<LocalQueueOptions> = {}) {
  const life = new AsyncDisposableStack();
  const aws = awsMachine();
  const queue = life.use(
    await startQueue({ ...options, clouds: { cloud: { type: 'aws', publicKey: aws.publicKey } } }),
  );
  const proxy = await queueFaultProxy(queue.rootUrl);
  life.defer(() => proxy.close());
  const folder = await mkdtemp(join(tmpdir(), 'tcw-pool-'));
  life.defer(() => rm(folder, { recursive: true, force: true }));
  const manager = queue.connectTo('worker-manager');
  const pool = (providerId: string) =>
    manager.createWorkerPool(TASK_QUEUE_ID, {
      providerId,
      description: 'd',
      owner: 'nobody@example.com',
      emailOnError: false,
      config,
    });
  return {
    queue,
    proxy,
    folder,
    manager,
    file: join(folder, 'registration.json'),
    secrets: queue.connectTo('secrets'),
    /** Makes a static worker. */
    static: async () => {
      await pool('static');
      await manager.createWorker(...WORKER_NAME, {
        expires: EXPIRES,
        providerInfo: { staticSecret: STATIC_SECRET },
      });
    },
    /** Makes a machine of AWS, with its metadata service. */
    machine: async () => {
      await pool('cloud');
      const { instance } = aws;
      await queue.requestWorker({
        workerPoolId: TASK_QUEUE_ID,
        workerGroup: WORKER.workerGroup,
        workerId: instance.instanceId,
        instance,
      });
      return life.use(
        await aws.start({
          rootUrl: proxy.rootUrl,
          workerPoolId: TASK_QUEUE_ID,
          providerId: 'cloud',
          workerGroup: WORKER.workerGroup,
        }),
      );
    },
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  };
}
