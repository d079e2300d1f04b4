import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'vitest';
import { queueFaultProxy, type QueueFault } from '../harness/queue-fault-proxy.ts';
import type { CallName } from '../harness/queue-call.ts';
import { deployment } from '../worker/deployment.ts';
import { witness } from './witness.ts';
import { runFiles } from '../worker/run-files.ts';

/**
 * What becomes of a task whose worker's call goes wrong:
 *
 * - `kept`: it is completed by its first run, which has run once.
 * - `again`: its first run's claim expires, and its second is completed.
 * - a reason: the run is resolved so, and there is no other.
 */
type Outcome = 'kept' | 'again' | 'resource-unavailable' | 'malformed-payload';

/** When a call goes wrong, and which. */
const MOMENTS = {
  claim: 'claimWork',
  reclaim: 'reclaimTask',
  artifact: 'createArtifact',
  put: 'upload',
  log: 'createArtifact',
  report: 'reportCompleted',
} as const satisfies Record<string, CallName>;
type Moment = keyof typeof MOMENTS;

/** A fault, and how many calls in a row it meets. */
const FAULTS = {
  '401': [{ kind: 'status', status: 401 }, 1],
  '403': [{ kind: 'status', status: 403 }, 1],
  '404': [{ kind: 'status', status: 404 }, 1],
  '409': [{ kind: 'status', status: 409 }, 1],
  '403, a page': [{ kind: 'status', status: 403, as: 'balancer' }, 2],
  '404, a page': [{ kind: 'status', status: 404, as: 'balancer' }, 2],
  '429': [{ kind: 'status', status: 429 }, 2],
  '500': [{ kind: 'status', status: 500 }, 2],
  '502, a page': [{ kind: 'status', status: 502, as: 'balancer' }, 2],
  '503': [{ kind: 'status', status: 503 }, 2],
  delay: [{ kind: 'delay', ms: 700 }, 1],
  cut: [{ kind: 'cut' }, 2],
  'answer lost': [{ kind: 'lose-answer' }, 1],
  'answer halved': [{ kind: 'halve-answer' }, 1],
} as const satisfies Record<string, readonly [QueueFault, number]>;
type FaultName = keyof typeof FAULTS;

/** docs/faults.md has the same table. */
const OUTCOMES: Record<FaultName, Record<Moment, Outcome>> = {
  '401': refusal('resource-unavailable'),
  '403': refusal('resource-unavailable'),
  '404': refusal('malformed-payload'),
  '409': { ...refusal('malformed-payload'), reclaim: 'again' },
  '403, a page': all('kept'),
  '404, a page': all('kept'),
  '429': all('kept'),
  '500': all('kept'),
  '502, a page': all('kept'),
  '503': all('kept'),
  delay: all('kept'),
  cut: all('kept'),
  'answer lost': { ...all('kept'), claim: 'again' },
  'answer halved': { ...all('kept'), claim: 'again' },
};

function all(outcome: Outcome): Record<Moment, Outcome> {
  return {
    claim: outcome,
    reclaim: outcome,
    artifact: outcome,
    put: outcome,
    log: outcome,
    report: outcome,
  };
}

/** The queue's own refusal: an artifact that it does not want costs the task its result, a report its run. */
function refusal(artifact: Outcome): Record<Moment, Outcome> {
  return { ...all('kept'), artifact, log: artifact, report: 'again' };
}

/** Claims as short as these are lost soon, or renewed soon. On a busy machine a run or a renewal takes seconds, too. */
const CLAIM_MS = 8_000;
const RENEWED_MS = 16_000;
/** A task of so many seconds is still running when its claim is renewed, after 0.8 of it at the latest. */
const BEYOND_RENEWAL_SECS = 14;

/** A worker behind a proxy, and a task of which each run says when it begins and ends. */
async function setting(claimTimeoutMs?: number, capacity = 2) {
  const here = await deployment({ claimDelayMs: 200, ...(claimTimeoutMs && { claimTimeoutMs }) });
  const proxy = await queueFaultProxy(here.rootUrl);
  const seen = await witness();
  const worker = await here.startWorker({ rootURL: proxy.rootUrl, capacity });
  // A claim that the worker made while Pulse was not up yet could receive the task that a test is about.
  await proxy.answered();
  const create = (script: string, artifact = false) =>
    here.createTask({
      command: [seen.command(`${script}; echo content > file`)],
      ...(artifact && { artifacts: [{ type: 'file', path: 'file', name: 'public/file' }] }),
    });
  const close = async () => {
    await here.close();
    await proxy.close();
    await seen.remove();
  };
  return { here, proxy, seen, worker, create, close };
}

const cells = (Object.keys(FAULTS) as FaultName[]).flatMap(fault =>
  (Object.keys(MOMENTS) as Moment[]).map(moment => ({ fault, moment, outcome: OUTCOMES[fault][moment] })),
);

describe.concurrent('a failing call', () => {
  it.for(cells)(
    '$fault at the $moment: $outcome',
    async ({ fault, moment, outcome }, { expect, onTestFinished }) => {
      const claimMs = moment === 'reclaim' ? RENEWED_MS : outcome === 'again' ? CLAIM_MS : undefined;
      const { here, proxy, seen, worker, create, close } = await setting(claimMs);
      onTestFinished(close);
      const [kind, times] = FAULTS[fault];
      const rule = proxy.fault(MOMENTS[moment], kind, times);
      const withArtifact = moment === 'artifact' || moment === 'put';
      const taskId = await create(`sleep ${moment === 'reclaim' ? BEYOND_RENEWAL_SECS : 0}`, withArtifact);

      const { runs } = await here.resolved(taskId);
      expect(rule.met).toBe(times);
      const outcomes = runs.map(run => run.reasonResolved);
      if (outcome === 'kept') expect(outcomes).toEqual(['completed']);
      else if (outcome === 'again') expect(outcomes).toEqual(['claim-expired', 'completed']);
      else expect(outcomes).toEqual([outcome]);

      // Each run begins once, and the last goes to its end; no two at a time.
      const said = await seen.said();
      expect(said).toEqual([...said].sort((one, other) => Number(one.slice(-1)) - Number(other.slice(-1))));
      expect(new Set(said).size).toBe(said.length);
      expect(said.slice(-2)).toEqual([`start ${runs.length - 1}`, `end ${runs.length - 1}`]);
      if (outcome === 'kept' && withArtifact) {
        expect((await here.artifact(taskId, 'public/file')).toString()).toBe('content\n');
      }
      if (outcome === 'kept') expect(await here.log(taskId)).toContain('=== Task Finished ===');

      // The worker lives, with both of its slots.
      const next = await Promise.all([create('true'), create('true')]);
      for (const id of next) expect(await here.resolved(id)).toMatchObject({ state: 'completed' });
      await expect.poll(() => runFiles(worker.tasksDir)).toEqual([]);
    },
  );

  it.for<[string, Moment | 'idle']>([
    ['while the worker is idle', 'idle'],
    ['at the claim', 'claim'],
    ['at the reclaim', 'reclaim'],
    ['while artifacts are created', 'artifact'],
    ['while the log is created', 'log'],
    ['while they are uploaded', 'put'],
    ['at the report', 'report'],
  ])('that hangs %s, and then continues, loses nothing', async ([, moment], { expect, onTestFinished }) => {
    const { here, proxy, seen, create, close } = await setting(moment === 'reclaim' ? RENEWED_MS : undefined);
    onTestFinished(close);
    const rule = proxy.fault(moment === 'idle' ? undefined : MOMENTS[moment], { kind: 'freeze' });
    const taskId = await create(`sleep ${moment === 'reclaim' ? BEYOND_RENEWAL_SECS : 0}`, moment !== 'log');
    await rule.first;
    await sleep(1_000);
    rule.lift();
    expect(await here.resolved(taskId)).toMatchObject({ runs: [{ reasonResolved: 'completed' }] });
    expect(await seen.said()).toEqual(['start 0', 'end 0']);
  });
});

describe.concurrent('a single call that is never answered', () => {
  it.for<[string, CallName, number | undefined]>([
    ['a reclaim costs no claim', 'reclaimTask', RENEWED_MS],
    ['an artifact is created all the same', 'createArtifact', undefined],
    ['a report is made all the same', 'reportCompleted', undefined],
  ])('%s', async ([, call, claimMs], { expect, onTestFinished }) => {
    const { here, proxy, seen, create, close } = await setting(claimMs);
    onTestFinished(close);
    const rule = proxy.fault(call, { kind: 'freeze' }, 1);
    const taskId = await create(`sleep ${claimMs === undefined ? 0 : BEYOND_RENEWAL_SECS + 5}`, true);
    expect(await here.resolved(taskId)).toMatchObject({ runs: [{ reasonResolved: 'completed' }] });
    expect(rule.met).toBe(1);
    expect(await seen.said()).toEqual(['start 0', 'end 0']);
  });
});

describe.concurrent('many hanging calls', () => {
  it('do not delay reclaims: sixty artifacts are being created while six claims continue', async ({
    expect,
    onTestFinished,
  }) => {
    const { here, proxy, close } = await setting(RENEWED_MS, 6);
    onTestFinished(close);
    const rule = proxy.fault('createArtifact', { kind: 'freeze' });
    const payload = {
      command: [['sh', '-c', 'mkdir out; for n in 0 1 2 3 4 5 6 7 8 9; do echo > out/$n; done']],
      artifacts: [{ type: 'directory', path: 'out', name: 'public/out' }],
    };
    const tasks = await Promise.all(Array.from({ length: 6 }, () => here.createTask(payload)));
    await expect.poll(() => rule.met).toBeGreaterThanOrEqual(50);
    await sleep(RENEWED_MS + 2_000);
    rule.lift();
    for (const taskId of tasks) {
      expect(await here.resolved(taskId)).toMatchObject({ runs: [{ reasonResolved: 'completed' }] });
    }
  });
});

describe.concurrent('an unavailable queue', () => {
  it.for<[string, Moment | 'idle']>([
    ['while the worker is idle', 'idle'],
    ['at the claim', 'claim'],
    ['at the reclaim', 'reclaim'],
    ['while artifacts are created', 'artifact'],
    ['while the log is created', 'log'],
    ['while they are uploaded', 'put'],
    ['at the report', 'report'],
  ])('for two seconds %s costs no run', async ([, moment], { expect, onTestFinished }) => {
    const { here, proxy, seen, create, close } = await setting(moment === 'reclaim' ? 12_000 : undefined);
    onTestFinished(close);
    if (moment === 'idle') proxy.down();
    // Held up, so that it is on its way when the queue goes, and has not come there.
    const rule = moment === 'idle' ? undefined : proxy.fault(MOMENTS[moment], { kind: 'delay', ms: 500 }, 1);
    const taskId = await create(`sleep ${moment === 'reclaim' ? 9 : 0}`, moment !== 'log');
    await rule?.first;
    proxy.down();
    await sleep(2_000);
    proxy.up();
    expect(await here.resolved(taskId)).toMatchObject({ runs: [{ reasonResolved: 'completed' }] });
    expect(await seen.said()).toEqual(['start 0', 'end 0']);
  });

  it('for longer than a claim costs the run, and no two runs are alive at the same time', async ({
    expect,
    onTestFinished,
  }) => {
    const { here, proxy, seen, worker, create, close } = await setting(CLAIM_MS);
    onTestFinished(close);
    const taskId = await create('test "$RUN_ID" -ge 1 || sleep 600');
    await here.running(taskId);
    await expect.poll(() => seen.said()).toEqual(['start 0']);
    proxy.down();
    await expect.poll(() => runFiles(worker.tasksDir)).toEqual([]);
    proxy.up();
    const { runs } = await here.resolved(taskId);
    expect(runs.map(run => run.reasonResolved)).toEqual(['claim-expired', 'completed']);
    expect(await seen.said()).toEqual(['start 0', 'start 1', 'end 1']);
    expect(worker.events.map(({ type }) => type)).toContain('reclaim-failed');
  });

  it.for<[string, string, CallName | undefined]>([
    ['while a task runs', 'sleep 600', undefined],
    ['while a run is reported', 'true', 'reportCompleted'],
  ])(
    'does not prevent a worker from shutting down, %s',
    async ([, script, call], { expect, onTestFinished }) => {
      const { proxy, seen, worker, create, close } = await setting();
      onTestFinished(close);
      const rule = call && proxy.fault(call, { kind: 'cut' });
      await create(script);
      await expect.poll(async () => (await seen.said()).length).toBeGreaterThan(0);
      await rule?.first;
      proxy.down();
      worker.shutdown('now');
      expect(await worker.ended).toBe('shutdown');
      expect(await runFiles(worker.tasksDir)).toEqual([]);
      expect(worker.events.map(({ type }) => type)).toContain('report-failed');
    },
  );
});
