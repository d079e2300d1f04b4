import { Secret } from '../../src/pulse/index.ts';
import {
  CALL_POLICIES,
  queueCalls,
  ServiceError,
  type CallOfQueue,
  type CallPolicy,
  type Credentials,
  type QueueCall,
} from '../../src/taskcluster/index.ts';
import { webServer, type Answer } from './web-server.ts';

export const CREDENTIALS: Credentials = {
  clientId: 'test/worker',
  accessToken: new Secret('token-of-the-worker'),
};
export const TASK_ID = 'Wq3cJ8DbQ0eHkZ5uYt1mPA';

/** One way to make each call. What the arguments are makes no difference here. */
export const CALLS: Readonly<Record<QueueCall, (call: CallOfQueue) => Promise<unknown>>> = {
  claimWork: call => call(CREDENTIALS, 'claimWork', 'p/w', { workerGroup: 'g', workerId: 'w', tasks: 1 }),
  reclaimTask: call => call(CREDENTIALS, 'reclaimTask', TASK_ID, 0),
  reportCompleted: call => call(CREDENTIALS, 'reportCompleted', TASK_ID, 0),
  reportFailed: call => call(CREDENTIALS, 'reportFailed', TASK_ID, 0),
  reportException: call => call(CREDENTIALS, 'reportException', TASK_ID, 0, { reason: 'malformed-payload' }),
  createArtifact: call =>
    call(CREDENTIALS, 'createArtifact', TASK_ID, 0, 'public/x', {
      storageType: 's3',
      contentType: 'text/plain',
      expires: '2027-01-01T00:00:00.000Z',
    }),
  createTask: call => call(CREDENTIALS, 'createTask', TASK_ID, {} as never),
  status: call => call(CREDENTIALS, 'status', TASK_ID),
  getWorker: call => call(CREDENTIALS, 'getWorker', 'p', 'w', 'g', 'w'),
  pendingTasks: call => call(CREDENTIALS, 'pendingTasks', 'p/w'),
};

/** The policies as they are, but that nobody waits long for the next try. */
export function hasty(change: Partial<CallPolicy> = {}): Record<QueueCall, CallPolicy> {
  const entries = Object.entries(CALL_POLICIES).map(([name, policy]) => [
    name,
    { ...policy, backoff: { baseMs: 1, capMs: 2 }, ...change },
  ]);
  return Object.fromEntries(entries) as Record<QueueCall, CallPolicy>;
}

/** Makes a call that has to fail, and tells how, and how often it was tried. */
export async function failing(
  name: QueueCall,
  answers: [Answer, ...Answer[]],
  change: Partial<CallPolicy> = {},
) {
  const { rootUrl, requests } = await webServer(...answers);
  const call = queueCalls({ rootUrl, policies: hasty(change) });
  const error: unknown = await CALLS[name](call).then(
    answer => {
      throw new Error(`it worked: ${JSON.stringify(answer)}`);
    },
    (failure: unknown) => failure,
  );
  if (!(error instanceof ServiceError)) throw error;
  return { error, tries: requests.length };
}
