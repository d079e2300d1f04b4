import { randomBytes } from 'node:crypto';
import { Secret } from '../../base/index.ts';
import type { LocalClient } from '../../local/index.ts';

/** The only pool of a `tcw dev`, and its only worker. */
export interface DevPool {
  readonly provisionerId: string;
  readonly workerType: string;
  readonly taskQueueId: string;
  readonly workerGroup: string;
  readonly workerId: string;
}

/** @param shared whether other `tcw dev`s may use the same broker; each then needs a pool of its own */
export function devPool(shared: boolean): DevPool {
  const workerType = shared ? `dev-${randomBytes(3).toString('hex')}` : 'dev';
  return {
    provisionerId: 'tcw',
    workerType,
    taskQueueId: `tcw/${workerType}`,
    workerGroup: 'local',
    workerId: 'dev',
  };
}

/** Makes two clients. The developer has all scopes; the worker has the scopes of a Taskcluster worker. */
export function devAccounts({ taskQueueId, workerGroup, workerId }: DevPool): {
  user: LocalClient;
  worker: LocalClient;
} {
  return {
    user: account('dev/user', ['*']),
    worker: account('dev/worker', [
      `queue:claim-work:${taskQueueId}`,
      `queue:worker-id:${workerGroup}/${workerId}`,
      `queue:pending-count:${taskQueueId}`,
      'queue:status:*',
      `purge-cache:purge-requests::${taskQueueId}`,
    ]),
  };
}

function account(clientId: string, scopes: string[]): LocalClient {
  return { clientId, accessToken: new Secret(randomBytes(33).toString('base64url')), scopes };
}
