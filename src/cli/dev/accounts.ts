import { randomBytes } from 'node:crypto';
import type { LocalClient } from '../../local/index.ts';
import { Secret } from '../../pulse/index.ts';

/** The one pool of `tcw dev`. */
export const DEV_POOL = {
  provisionerId: 'tcw',
  workerType: 'dev',
  workerGroup: 'local',
  workerId: 'dev',
} as const;

/** The developer may do anything; the worker what a worker of Taskcluster may. */
export function devAccounts(): { user: LocalClient; worker: LocalClient } {
  const { provisionerId, workerType, workerGroup, workerId } = DEV_POOL;
  const pool = `${provisionerId}/${workerType}`;
  return {
    user: account('dev/user', ['*']),
    worker: account('dev/worker', [
      `queue:claim-work:${pool}`,
      `queue:worker-id:${workerGroup}/${workerId}`,
      `queue:pending-count:${pool}`,
      'queue:status:*',
    ]),
  };
}

function account(clientId: string, scopes: string[]): LocalClient {
  return { clientId, accessToken: new Secret(randomBytes(33).toString('base64url')), scopes };
}
