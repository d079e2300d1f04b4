import { Secret } from '../../../src/base/index.ts';
import { connectQueue, type Claim, type RunCalls } from '../../../src/taskcluster/index.ts';

/**
 * Returns a run that a worker could have claimed, and its calls. Its temporary credentials are as long as those of a
 * typical run, because each request contains them.
 */
export function claimedRun(rootUrl: string): { readonly claim: Claim; readonly calls: RunCalls } {
  const certificate = JSON.stringify({
    version: 1,
    scopes: Array.from({ length: 20 }, (_, index) => `queue:some-scope:of-a-task/${index}`),
    start: 0,
    expiry: 1,
    seed: 'x'.repeat(44),
    signature: 'x'.repeat(44),
    issuer: 'static/taskcluster/queue',
  });
  const credentials = {
    clientId: 'task-client/x',
    accessToken: new Secret('x'.repeat(44)),
    certificate: new Secret(certificate),
  };
  const deadline = new Date(Date.now() + 3_600_000).toJSON();
  const claim = {
    taskId: 'Wq3cJ8DbQ0eHkZ5uYt1mPA',
    runId: 0,
    startedMs: 0,
    lease: { takenUntilMs: 1, credentials },
    task: { deadline, expires: deadline },
  } as unknown as Claim;
  const queue = connectQueue({
    rootUrl,
    credentials,
    taskQueueId: 'bench/io',
    workerGroup: 'bench',
    workerId: 'io',
  });
  return { calls: queue.forRun(claim), claim };
}
