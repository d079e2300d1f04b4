import { randomBytes } from 'node:crypto';

import { Secret } from '../../base/index.ts';
import type { LocalClient } from './temporary-credentials.ts';

/** The client in whose name a service makes credentials. Its access token is known to nobody else. */
export function createServiceClient(service: string): LocalClient {
  return {
    clientId: `static/taskcluster/${service}`,
    accessToken: new Secret(randomBytes(33).toString('base64url')),
    scopes: ['*'],
  };
}
