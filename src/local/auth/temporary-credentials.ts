import { randomBytes } from 'node:crypto';

import type { Secret } from '../../base/index.ts';
import { signature, temporaryToken } from './certificate.ts';

/** A client of the queue. */
export interface LocalClient {
  readonly clientId: string;
  readonly accessToken: Secret;
  readonly scopes: readonly string[];
}

/** Credentials as they appear in answers. */
export interface TemporaryCredentials {
  readonly clientId: string;
  readonly accessToken: string;
  /** JSON. */
  readonly certificate: string;
}

/** Times are milliseconds since the epoch. */
export interface Grant {
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly start: number;
  readonly expiry: number;
}

/** Issues credentials with their own name and scopes, on behalf of a client. */
export function issue(issuer: LocalClient, { clientId, scopes, start, expiry }: Grant): TemporaryCredentials {
  const token = issuer.accessToken.reveal();
  const statement = {
    version: 1 as const,
    scopes,
    start,
    expiry,
    // 33 bytes are 44 characters in base64.
    seed: randomBytes(33).toString('base64url'),
    issuer: issuer.clientId,
  };
  const certificate = { ...statement, signature: signature(statement, clientId, token) };
  return {
    clientId,
    accessToken: temporaryToken(statement.seed, token),
    certificate: JSON.stringify(certificate),
  };
}

/** Returns the rights of a claim's credentials: this run, and everything that its task may do. */
export function claimGrant(
  run: { taskId: string; runId: number; workerGroup: string; workerId: string; takenUntil: number },
  taskScopes: readonly string[],
  now: number,
): Grant {
  const { taskId, runId, workerGroup, workerId, takenUntil } = run;
  return {
    clientId: `task-client/${taskId}/${runId}/on/${workerGroup}/${workerId}/until/${takenUntil / 1000}`,
    scopes: [
      `queue:reclaim-task:${taskId}/${runId}`,
      `queue:resolve-task:${taskId}/${runId}`,
      `queue:create-artifact:${taskId}/${runId}`,
      ...taskScopes,
    ],
    start: now,
    expiry: takenUntil,
  };
}

/** How long the credentials for one object last, in milliseconds. */
const OBJECT_LIFE = 3_600_000;

/** Returns the rights of credentials for uploading an object artifact. */
export function uploadGrant(
  object: { name: string; projectId: string },
  run: { taskId: string; runId: number; workerGroup: string; workerId: string },
  now: number,
): Grant {
  return {
    clientId: `artifact-upload/${run.taskId}/${run.runId}/on/${run.workerGroup}/${run.workerId}`,
    scopes: [`object:upload:${object.projectId}:${object.name}`],
    start: now,
    expiry: now + OBJECT_LIFE,
  };
}

/** Returns the rights of credentials for downloading an object artifact. */
export function downloadGrant(object: string, now: number): Grant {
  return {
    // The names of these objects begin with `t/`.
    clientId: `artifact-download/${object.slice(2)}`,
    scopes: [`object:download:${object}`],
    start: now,
    expiry: now + OBJECT_LIFE,
  };
}
