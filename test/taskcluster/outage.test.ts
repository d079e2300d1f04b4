import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/pulse/index.ts';
import {
  CALL_POLICIES,
  connectQueue,
  type CallPolicy,
  type Claim,
  type Queue,
} from '../../src/taskcluster/index.ts';
import { waitFor } from '../wait-for.ts';
import { failing } from './every-call.ts';
import { json, page, refusal, silence, webServer, type Answer } from './web-server.ts';

const OUT_OF_ORDER = refusal(500, 'InternalServerError', 'out of order');
/** Nobody would wait so long for the next try. */
const FOR_EVER: CallPolicy = { timeoutMs: 10_000, retries: 100, backoff: { baseMs: 1e9, capMs: 1e9 } };

/** A queue whose calls are answered as the test says, by the end of their paths. */
async function start(answers: Readonly<Record<string, readonly [Answer, ...Answer[]]>>) {
  const made: Record<string, number> = {};
  const { rootUrl, requests } = await webServer((response, request) => {
    const call = Object.keys(answers).find(end => request.url?.endsWith(end)) ?? '';
    const turn = (made[call] ?? 0) + 1;
    made[call] = turn;
    const ofCall = answers[call] ?? [page(404, '')];
    (ofCall[turn - 1] ?? ofCall.at(-1))?.(response, request);
  });
  const queue = connectQueue({
    rootUrl,
    credentials: { clientId: 'x', accessToken: new Secret('x') },
    taskQueueId: 'p/w',
    workerGroup: 'g',
    workerId: 'w',
    policies: {
      reportCompleted: FOR_EVER,
      createArtifact: FOR_EVER,
      pendingTasks: { ...FOR_EVER, retries: 0 },
    },
  });
  return { queue, requests, made };
}

const runOf = (queue: Queue) =>
  queue.forRun({
    taskId: 'Wq3cJ8DbQ0eHkZ5uYt1mPA',
    runId: 0,
    startedMs: 0,
    lease: { takenUntilMs: 1, credentials: { clientId: 'x', accessToken: new Secret('x') } },
  } as Claim);

describe('a call that pauses before a retry', () => {
  it.each<[string, Answer]>([
    ['works', json(200, { pendingTasks: 0 })],
    ['is refused, so that the queue is available', refusal(403, 'InsufficientScopes', 'no')],
  ])('is retried at once when another one %s', async (_, answer) => {
    const { queue, made } = await start({
      '/completed': [OUT_OF_ORDER, json(200, {})],
      '/p%2Fw': [answer],
    });
    const reporting = runOf(queue).reportCompleted();
    await waitFor(() => {
      expect(made['/completed']).toBe(1);
    });
    await sleep(50);
    await queue.pendingTasks();
    await reporting;
    expect(made['/completed']).toBe(2);
  });

  it.each<[string, Answer]>([
    ['fails too', OUT_OF_ORDER],
    ['is answered by a proxy in front of the queue', page(502, '<html>')],
  ])('continues to pause when another one %s', async (_, answer) => {
    const { queue, made } = await start({ '/completed': [OUT_OF_ORDER, json(200, {})], '/p%2Fw': [answer] });
    const aborting = new AbortController();
    const reporting = runOf(queue).reportCompleted(aborting.signal);
    await waitFor(() => {
      expect(made['/completed']).toBe(1);
    });
    await expect(queue.pendingTasks()).rejects.toMatchObject({ kind: 'unavailable' });
    await sleep(700);
    expect(made['/completed']).toBe(1);
    aborting.abort(new Error('enough'));
    await expect(reporting).rejects.toThrow('enough');
  });

  it('is woken only once, and pauses normally after its next failure', async () => {
    const { queue, made } = await start({
      '/completed': [OUT_OF_ORDER],
      '/p%2Fw': [json(200, { pendingTasks: 0 })],
    });
    const aborting = new AbortController();
    const reporting = runOf(queue).reportCompleted(aborting.signal);
    for (let count = 0; count < 4; count++) {
      await sleep(600);
      await queue.pendingTasks();
    }
    await sleep(600);
    expect(made['/completed']).toBe(2);
    aborting.abort(new Error('enough'));
    await expect(reporting).rejects.toThrow('enough');
  });
});

describe('a report', () => {
  it.each(['reportCompleted', 'reportFailed', 'reportException', 'createArtifact'] as const)(
    'is retried every few seconds, for ten minutes: %s',
    name => {
      const { backoff, forMs, retries } = CALL_POLICIES[name];
      expect(backoff.capMs).toBeLessThanOrEqual(5_000);
      expect((retries * backoff.capMs) / 2).toBeGreaterThanOrEqual(600_000);
      expect(forMs).toBe(600_000);
    },
  );

  it('is not retried for longer than its policy says, however many retries are left', async () => {
    const { tries } = await failing('reportCompleted', [OUT_OF_ORDER], {
      retries: 1_000_000,
      forMs: 50,
      backoff: { baseMs: 20, capMs: 20 },
    });
    expect(tries).toBeGreaterThan(1);
  });
});

it('a hanging connection does not use up the time of a worker that shuts down', async () => {
  const { queue, made } = await start({ '/failed': [silence, json(200, {})] });
  // A try may take 30 s, but not the first.
  await runOf(queue).reportFailed(AbortSignal.timeout(20_000));
  expect(made['/failed']).toBe(2);
});
