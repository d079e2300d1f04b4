import { Secret } from '../../base/index.ts';
import type { TaskCredentials } from '../generated/api.ts';

/** Taskcluster credentials: either permanent, or temporary with a certificate. */
export interface Credentials {
  readonly clientId: string;
  readonly accessToken: Secret;
  readonly certificate?: Secret | undefined;
}

/** Wraps the credentials of a claim or reclaim in `Secret`s as soon as they arrive. */
export function taskCredentials({ clientId, accessToken, certificate }: TaskCredentials): Credentials {
  return { clientId, accessToken: new Secret(accessToken), certificate: new Secret(certificate) };
}
