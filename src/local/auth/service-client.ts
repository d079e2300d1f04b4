import { randomBytes } from 'node:crypto';

import { Secret } from '../../base/index.ts';
import type { LocalClient } from './temporary-credentials.ts';

/** Creates the client with which a service issues credentials. Nobody else knows its access token. */
export function createServiceClient(service: string): LocalClient {
  return {
    clientId: `static/taskcluster/${service}`,
    accessToken: new Secret(randomBytes(33).toString('base64url')),
    scopes: ['*'],
  };
}
