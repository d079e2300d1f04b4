import {
  queueCalls,
  ServiceError,
  type CallArguments,
  type CallOfQueue,
  type CallPolicy,
  type Credentials,
  type QueueApi,
} from '../../taskcluster/index.ts';
import type { Deployment } from '../deployment/deployment.ts';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { refusedCredentials } from '../words/refused-credentials.ts';
import { serviceErrorText } from '../words/service-error-text.ts';

const { notFound, refused, unavailable, usage, wrongState } = TASK_EXIT_CODES;

/** A person is waiting at a terminal, so a deployment that does not answer is reported within seconds. */
const QUICK: CallPolicy = {
  timeoutMs: 10_000,
  retries: 4,
  forMs: 10_000,
  backoff: { baseMs: 200, capMs: 2_000 },
};
/** For following a task: tolerates an outage of the deployment of about ten minutes. */
const PATIENT: CallPolicy = {
  timeoutMs: 30_000,
  retries: 240,
  forMs: 600_000,
  backoff: { baseMs: 500, capMs: 5_000 },
};

/** The subject of a call, for its error messages. */
export interface Subject {
  readonly taskId?: string;
  /** The meaning of a 404, if not that the task is missing: `there is no task …`. */
  readonly missing?: string;
  /** A scope that the call needs, for the message about a 403. */
  readonly scope?: string;
}

/** The queue of a deployment for the commands of `tcw task`. Every error is a Failure. */
export interface TaskClient {
  readonly deployment: Deployment;
  /** @throws Failure */
  ask<C extends keyof QueueApi>(
    subject: Subject,
    name: C,
    ...args: CallArguments<'queue', C>
  ): Promise<QueueApi[C]['output']>;
  /** Returns the same client with a patience of about ten minutes for a deployment that does not answer. */
  patient(): TaskClient;
}

/** @param printMessage called with a message for the user when a call is retried */
export function taskClient(deployment: Deployment, printMessage: (line: string) => void): TaskClient {
  return clientWith(QUICK, deployment, printMessage);
}

function clientWith(
  policy: CallPolicy,
  deployment: Deployment,
  printMessage: (line: string) => void,
): TaskClient {
  const { rootUrl, credentials } = deployment;
  let isReported = false;
  const call: CallOfQueue = queueCalls({
    rootUrl,
    policies: policiesOf(policy),
    onRetry: error => {
      if (!isReported) printMessage(`${hostOf(rootUrl)} does not answer, trying again: ${inOneLine(error)}`);
      isReported = true;
    },
  });
  return {
    deployment,
    ask: async (subject, name, ...args) => {
      try {
        const answer = await call(credentials, name, ...args);
        isReported = false;
        return answer;
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        throw failureOf(error, subject, deployment);
      }
    },
    patient: () => clientWith(PATIENT, deployment, printMessage),
  };
}

/** The calls that `tcw task` makes. */
const CALLS = [
  'artifact',
  'cancelTask',
  'createTask',
  'listArtifacts',
  'rerunTask',
  'status',
  'task',
] as const satisfies readonly (keyof QueueApi)[];

function policiesOf(policy: CallPolicy): Partial<Record<string, CallPolicy>> {
  return Object.fromEntries(CALLS.map(name => [name, policy]));
}

function failureOf(
  error: ServiceError,
  { taskId, missing = `there is no task ${taskId ?? ''}`, scope }: Subject,
  { rootUrl, credentials }: Deployment,
): Failure {
  const { statusCode, kind } = error;
  const text = inOneLine(error);
  const failure = (exitCode: number, message: string) => new Failure(exitCode, message, { cause: error });
  if (error.transient) return failure(unavailable.code, `${hostOf(rootUrl)} does not answer: ${text}`);
  if (statusCode === 404) return failure(notFound.code, missing);
  if (kind === 'conflict') return failure(wrongState.code, text);
  if (statusCode === undefined)
    return failure(refused.code, `the credentials of TASKCLUSTER_* cannot be used: ${text}`);
  if (credentials && error.isUnauthenticated)
    return failure(refused.code, refusedCredentials(hostOf(rootUrl), credentials.clientId, text));
  if (kind === 'forbidden') return failure(refused.code, refusal(credentials, scope, text));
  return failure(usage.code, `the queue does not accept this: ${text}`);
}

function refusal(credentials: Credentials | undefined, scope: string | undefined, text: string): string {
  if (!credentials)
    return (
      'this needs credentials: set TASKCLUSTER_CLIENT_ID and TASKCLUSTER_ACCESS_TOKEN ' +
      '(and TASKCLUSTER_CERTIFICATE, if they are temporary). tcw dev prints its own'
    );
  const needs = scope === undefined ? '' : `, which needs ${scope}`;
  return `${credentials.clientId} may not do this${needs}: ${text}`;
}

/** Shortens a message of the queue to one line. Schema violations are listed in lines that begin with an asterisk. */
function inOneLine(error: ServiceError): string {
  const problems = [...error.message.matchAll(/^ *\* (.+)$/gm)].map(([, problem]) => problem);
  // The queue's messages begin with the name of the call.
  return problems.length > 0 ? problems.join('; ') : serviceErrorText(error).replace(/^\w+: /, '');
}

function hostOf(rootUrl: string): string {
  return new URL(rootUrl).origin;
}
