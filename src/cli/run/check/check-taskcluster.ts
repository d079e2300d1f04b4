import { satisfies } from '../../../base/index.ts';
import { serviceCalls, ServiceError, type Queue } from '../../../taskcluster/index.ts';
import type { WorkerConfig } from '../../../worker/index.ts';
import { EXIT_CODES } from '../../words/exit-codes.ts';
import { serviceErrorText } from '../../words/service-error-text.ts';
import { refusedCredentials } from '../worker-credentials.ts';
import type { Findings } from './findings.ts';
import { neededScopes } from './needed-scopes.ts';

/** Time limit for each call, in ms. It is shorter than a worker's, because a person is waiting. */
const PATIENCE_MS = 10_000;
const { internalError, invalidConfig } = EXIT_CODES;

/** Checks that the deployment answers, accepts the worker's credentials and grants the scopes that it needs. */
export async function checkTaskcluster(
  config: WorkerConfig,
  queue: Queue,
  findings: Findings,
): Promise<void> {
  const { rootURL, clientId, provisionerId, workerType } = config;
  let mayCount = true;
  const pool = `${provisionerId}/${workerType}`;
  try {
    const pending = await inTime(rootURL, config, call => call('queue', 'pendingTasks', pool));
    findings.ok(`${rootURL} answers: ${counted(pending.pendingTasks)} for ${pool}`);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.statusCode !== 403) {
      reportRefusal(config, error, findings);
      return;
    }
    mayCount = false;
    findings.ok(`${rootURL} answers`);
  }
  findings.ok(`credentials of ${clientId} are accepted${expiryOf(config)}`);
  await checkScopes(config, mayCount, findings);
  await checkQuarantine(queue, findings);
}

/** Checks only that the deployment answers, for a worker that has no credentials yet. */
export async function checkAnswers(rootUrl: string, findings: Findings): Promise<void> {
  try {
    await inTime(rootUrl, undefined, call => call('auth', 'ping'));
    findings.ok(`${rootUrl} answers`);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    findings.fail(internalError.code, `${rootUrl} does not answer: ${serviceErrorText(error)}`);
  }
}

function reportRefusal(config: WorkerConfig, error: ServiceError, findings: Findings): void {
  const { rootURL } = config;
  if (error.isUnauthenticated) {
    const failure = refusedCredentials(config, error);
    findings.fail(failure.exitCode, failure.message);
  } else if (error.isAboutTime) {
    findings.fail(
      internalError.code,
      `the queue refuses calls because of the time: set the clock of this machine (${serviceErrorText(error)})`,
    );
  } else if (error.transient) {
    findings.fail(
      internalError.code,
      `${rootURL} does not answer: ${serviceErrorText(error)}. tcw run would keep trying`,
    );
  } else {
    findings.fail(
      invalidConfig.code,
      `${rootURL} refuses the call; correct rootURL or the pool: ${serviceErrorText(error)}`,
    );
  }
}

async function checkScopes(config: WorkerConfig, mayCount: boolean, findings: Findings): Promise<void> {
  const needed = neededScopes(config);
  let scopes: readonly string[];
  try {
    ({ scopes } = await inTime(config.rootURL, config, call => call('auth', 'currentScopes')));
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const why =
      error.statusCode === 403 ? `add auth:current-scopes to ${config.clientId}` : serviceErrorText(error);
    for (const { scope, without } of needed.filter(({ counts }) => counts && !mayCount))
      findings.warn(`scope ${scope} is missing: without it, ${without}`);
    const required = needed.filter(one => one.required).map(({ scope }) => scope);
    findings.skip(`scopes ${required.join(', ')} and others: the auth service does not list them; ${why}`);
    return;
  }
  for (const { scope, without, required, unasked } of needed) {
    if (satisfies(scopes, scope)) findings.ok(`scope ${scope}`);
    else if (required)
      findings.fail(
        internalError.code,
        `scope ${scope} is missing: without it, ${without}. Add it to ${config.clientId}`,
      );
    else if (!unasked) findings.warn(`scope ${scope} is missing: without it, ${without}`);
  }
}

async function checkQuarantine(queue: Queue, findings: Findings): Promise<void> {
  const until = await queue.quarantinedUntil().catch(() => undefined);
  if (until !== undefined && until > Date.now()) {
    findings.warn(
      `this worker is in quarantine until ${new Date(until).toISOString()}: it gets no task until then`,
    );
  }
}

/** Makes a call with the worker's credentials. @throws ServiceError, also when no answer arrives in time */
async function inTime<T>(
  rootUrl: string,
  credentials: WorkerConfig | undefined,
  ask: (call: AsTheWorker) => Promise<T>,
): Promise<T> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  let last: ServiceError | undefined;
  const onRetry = (error: ServiceError) => {
    last = error;
  };
  const call = serviceCalls({ rootUrl: new URL(rootUrl).origin, signal, onRetry });
  try {
    return await ask((service, name, ...args) => call(credentials, service, name, ...args));
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    if (!signal.aborted) throw error;
    throw last ?? new ServiceError('unreachable', `no answer in ${PATIENCE_MS / 1_000} s`);
  }
}

type AsTheWorker = ReturnType<Queue['service']>;

function counted(pending: number): string {
  return pending === 1 ? '1 task is pending' : `${pending} tasks are pending`;
}

/** Describes when temporary credentials expire. */
function expiryOf({ certificate }: WorkerConfig): string {
  if (certificate === undefined) return '';
  const { expiry } = JSON.parse(certificate.reveal()) as { readonly expiry: number };
  return `; they expire at ${new Date(expiry).toISOString()}`;
}
