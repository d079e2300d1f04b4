import { setTimeout as sleep } from 'node:timers/promises';
import { SHELL_ARTIFACT } from '../../base/index.ts';
import { serviceCalls, ServiceError, type Call, type Credentials } from '../../taskcluster/index.ts';
import { SHELL_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { refusedCredentials } from '../words/refused-credentials.ts';
import { serviceErrorText } from '../words/service-error-text.ts';

interface Wanted {
  readonly rootUrl: string;
  readonly taskId: string;
  readonly credentials: Credentials | undefined;
  /** Time limit for the task to start and to offer its shell, in ms. */
  readonly waitMs: number;
}

const AGAIN_MS = 1_000;
const { noShell, refused, unavailable } = SHELL_EXIT_CODES;

/**
 * Finds the websocket URL of a task's shell in the same way as the web UI: through the artifact of its latest run.
 *
 * @throws Failure that says why there is no shell
 */
export async function findShell({ rootUrl, taskId, credentials, waitMs }: Wanted): Promise<URL> {
  const call = serviceCalls({ rootUrl });
  const end = performance.now() + waitMs;
  await assertWanted(call, taskId, credentials);
  for (;;) {
    const state = await stateOf(call, taskId, credentials);
    const url = state === 'running' ? await socketUrl(call, taskId, credentials) : undefined;
    if (url) return url;
    if (state !== 'running' && state !== 'pending' && state !== 'unscheduled')
      throw new Failure(noShell.code, `task ${taskId} has ended (${state}): its shell has ended with it`);
    if (performance.now() >= end) {
      const why =
        state === 'running' ? 'runs, but its worker offers no shell' : `does not run: it is ${state}`;
      throw new Failure(noShell.code, `task ${taskId} ${why}`);
    }
    await sleep(Math.min(AGAIN_MS, Math.max(0, end - performance.now())));
  }
}

async function assertWanted(call: Call, taskId: string, credentials: Credentials | undefined): Promise<void> {
  const { payload } = await asked(taskId, credentials, () => call(credentials, 'queue', 'task', taskId));
  const { features } = payload as { readonly features?: { readonly interactive?: unknown } };
  if (features?.interactive !== true)
    throw new Failure(noShell.code, `task ${taskId} has no shell: its payload lacks features.interactive`);
}

async function stateOf(call: Call, taskId: string, credentials: Credentials | undefined): Promise<string> {
  const { status } = await asked(taskId, credentials, () => call(credentials, 'queue', 'status', taskId));
  return status.state;
}

/** Returns undefined while the artifact does not exist. */
async function socketUrl(
  call: Call,
  taskId: string,
  credentials: Credentials | undefined,
): Promise<URL | undefined> {
  const found = await asked(taskId, credentials, () =>
    call(credentials, 'queue', 'latestArtifact', taskId, SHELL_ARTIFACT).catch((error: unknown) => {
      if (error instanceof ServiceError && error.statusCode === 404) return undefined;
      throw error;
    }),
  );
  if (found === undefined) return undefined;
  const { url } = found as { readonly url?: string };
  const page = url !== undefined && URL.canParse(url) ? new URL(url).searchParams : undefined;
  const socket = page?.get('socketUrl');
  if (page?.get('v') !== '2' || !socket || !URL.canParse(socket) || !/^wss?:/.test(socket))
    throw new Failure(
      noShell.code,
      `the artifact ${SHELL_ARTIFACT} of task ${taskId} leads to no shell that tcw knows`,
    );
  return new URL(socket);
}

/** @throws Failure instead of an error of the queue */
async function asked<T>(
  taskId: string,
  credentials: Credentials | undefined,
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const { statusCode } = error;
    if (statusCode === 404) throw new Failure(noShell.code, `there is no task ${taskId}`);
    if (credentials && error.isUnauthenticated)
      throw new Failure(
        refused.code,
        refusedCredentials('the queue', credentials.clientId, serviceErrorText(error)),
      );
    if (statusCode === 401 || statusCode === 403) {
      const who = credentials
        ? `${credentials.clientId} may not read ${SHELL_ARTIFACT} of this task; it needs the scope queue:get-artifact:${SHELL_ARTIFACT}`
        : 'the shell of a task is private: set TASKCLUSTER_CLIENT_ID and TASKCLUSTER_ACCESS_TOKEN';
      throw new Failure(refused.code, `${who} (${serviceErrorText(error)})`);
    }
    throw new Failure(unavailable.code, `the queue does not answer: ${serviceErrorText(error)}`);
  }
}
