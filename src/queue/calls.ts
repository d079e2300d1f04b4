import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import taskcluster from 'taskcluster-client';
import { fullJitter } from '../pulse/index.ts';
import type { Credentials } from './credentials.ts';
import { queueError, type QueueError } from './errors.ts';
import type { QueueApi } from './generated/api.ts';
import { CALL_POLICIES, type CallPolicy, type QueueCall } from './policies.ts';

/** What a call takes: the route's arguments, then the body where it has one. */
export type CallArguments<C extends QueueCall> = QueueApi[C]['input'] extends undefined
  ? QueueApi[C]['args']
  : [...QueueApi[C]['args'], QueueApi[C]['input']];

export interface CallOptions {
  readonly rootUrl: string;
  /** Other policies than {@link CALL_POLICIES}. */
  readonly policies?: Partial<Record<QueueCall, CallPolicy>>;
  /** Told of each further try. */
  readonly onRetry?: (error: QueueError, waitMs: number) => void;
}

/**
 * Makes one call of the queue as `credentials`, by its policy.
 *
 * @throws QueueError when the last try failed
 */
export type Call = <C extends QueueCall>(
  credentials: Credentials,
  name: C,
  ...args: CallArguments<C>
) => Promise<QueueApi[C]['output']>;

export function queueCalls({ rootUrl, policies, onRetry }: CallOptions): Call {
  keepConnections();
  return async (credentials, name, ...args) => {
    const policy: CallPolicy = policies?.[name] ?? CALL_POLICIES[name];
    // taskcluster-client retries by itself whatever got no answer; `retries: 0` leaves that to the policy.
    const client = new taskcluster.Queue({
      rootUrl,
      credentials: plain(credentials),
      timeout: policy.timeoutMs,
      retries: 0,
    });
    for (let attempt = 1; ; attempt++) {
      try {
        return (await client[name]?.(...args)) as QueueApi[typeof name]['output'];
      } catch (cause) {
        const error = queueError(name, cause);
        if (!error.transient || attempt > policy.retries) throw error;
        const waitMs = fullJitter(attempt, policy.backoff);
        onRetry?.(error, waitMs);
        await sleep(waitMs);
      }
    }
  };
}

function plain({ clientId, accessToken, certificate }: Credentials) {
  return {
    clientId,
    accessToken: accessToken.reveal(),
    ...(certificate && { certificate: certificate.reveal() }),
  };
}

let kept = false;

/** taskcluster-client opens a connection for each request, unless its shared agents are replaced. */
function keepConnections(): void {
  if (kept) return;
  kept = true;
  // A server may close an idle connection just as we send; 4 s is under what servers commonly allow.
  const options = { keepAlive: true, maxSockets: 50, timeout: 4_000 };
  taskcluster.agents.http = new http.Agent(options);
  taskcluster.agents.https = new https.Agent(options);
}
