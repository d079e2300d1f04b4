import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import taskcluster from 'taskcluster-client';
import { queueExchanges } from '../src/exchanges/index.ts';
import { startLocalQueue } from '../src/local/index.ts';
import { connect, Secret } from '../src/pulse/index.ts';
import type { TaskStatusStructure } from '../src/taskcluster/index.ts';
import type { SoakTask } from './task.ts';

const PROVISIONER_ID = 'soak';

/** The embedded queue with a real broker, and a client of it. */
export interface SoakDeployment extends AsyncDisposable {
  readonly rootUrl: string;
  readonly provisionerId: string;
  readonly workerType: string;
  readonly worker: { readonly clientId: string; readonly accessToken: string };
  /** Retries until it succeeds: without its broker, the queue cannot announce a task. */
  create(task: SoakTask): Promise<void>;
  cancel(taskId: string): Promise<void>;
  status(taskId: string): Promise<TaskStatusStructure>;
  artifact(taskId: string, runId: number, name: string): Promise<Buffer>;
}

type Calls = Record<'createTask' | 'cancelTask', (...args: unknown[]) => Promise<unknown>> & {
  status(taskId: string): Promise<{ status: TaskStatusStructure }>;
  artifact(taskId: string, runId: number, name: string): Promise<{ url: string }>;
};

export async function startDeployment(
  queuePulseUrl: string,
  times: { readonly claimTimeoutMs: number; readonly longPollMs: number },
): Promise<SoakDeployment> {
  const account = (name: string, scopes: string[]) => ({
    clientId: `soak/${name}`,
    accessToken: `${randomUUID()}${randomUUID()}`,
    scopes,
  });
  const workerType = `w${randomUUID().slice(0, 8)}`;
  const user = account('user', ['*']);
  const worker = account('worker', [
    `queue:claim-work:${PROVISIONER_ID}/${workerType}`,
    'queue:worker-id:soak/*',
    `queue:pending-count:${PROVISIONER_ID}/${workerType}`,
    'queue:status:*',
  ]);
  const owner = connect({ url: new Secret(queuePulseUrl), connectionName: 'tcw soak queue' });
  for (const { exchange } of Object.values(queueExchanges)) await owner.declareExchange(exchange);
  const local = await startLocalQueue({
    ...times,
    publish: ({ exchange, routingKey, routes, body }) =>
      owner.publish(exchange, routingKey, body, { routes, deadlineMs: 2_000 }),
    clients: [user, worker].map(client => ({ ...client, accessToken: new Secret(client.accessToken) })),
  });
  const { rootUrl } = local;
  const client = new taskcluster.Queue({
    rootUrl,
    credentials: { clientId: user.clientId, accessToken: user.accessToken },
    retries: 0,
  }) as unknown as Calls;
  const insist = async (call: () => Promise<unknown>) => {
    for (;;) {
      try {
        await call();
        return;
      } catch (error) {
        if (((error as { statusCode?: number }).statusCode ?? 500) < 500) throw error;
        await sleep(300);
      }
    }
  };
  return {
    rootUrl,
    provisionerId: PROVISIONER_ID,
    workerType,
    worker,
    create: ({ taskId, definition }) => insist(() => client.createTask(taskId, definition)),
    cancel: taskId => insist(() => client.cancelTask(taskId)),
    status: async taskId => (await client.status(taskId)).status,
    artifact: async (taskId, runId, name) => {
      const response = await fetch((await client.artifact(taskId, runId, name)).url);
      if (!response.ok) throw new Error(`${name} of task ${taskId}: ${response.status}`);
      return Buffer.from(await response.arrayBuffer());
    },
    [Symbol.asyncDispose]: async () => {
      await owner.close(1_000);
      await local.close();
    },
  };
}
