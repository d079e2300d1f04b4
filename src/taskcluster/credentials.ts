import { Secret } from '../base/index.ts';
import type { TaskCredentials } from './generated/api.ts';

/** Who calls: long-lived credentials, or temporary ones with a certificate. */
export interface Credentials {
  readonly clientId: string;
  readonly accessToken: Secret;
  readonly certificate?: Secret | undefined;
}

/** Wraps what a claim or a reclaim brings, where it enters. */
export function taskCredentials({ clientId, accessToken, certificate }: TaskCredentials): Credentials {
  return { clientId, accessToken: new Secret(accessToken), certificate: new Secret(certificate) };
}
