import { expect, it } from 'vitest';
import { health } from '../../../src/pool/health/health.ts';
import { ServiceError } from '../../../src/taskcluster/index.ts';
import type { WorkerSnapshot } from '../../../src/worker/index.ts';
import { shortOfDisk } from './short-of-disk.ts';

const LISTENING: WorkerSnapshot = {
  state: { phase: 'listening', pulse: 'up' },
  capacity: 3,
  runs: [{ taskId: 't', runId: 0, state: { phase: 'running' } }],
  outOfService: 1,
  resolved: 0,
};

function clock() {
  let ms = 0;
  return {
    now: () => ms,
    pass: (by: number) => {
      ms += by;
    },
  };
}

it('a worker that has not started is alive but not ready', () => {
  expect(health().report()).toMatchObject({ canWork: true, isReady: false, phase: 'starting' });
});

it('a worker that listens is ready, and reports how many slots are busy, free and out of service', () => {
  expect(health().report(LISTENING)).toMatchObject({
    canWork: true,
    isReady: true,
    slots: { busy: 1, free: 1, outOfService: 1 },
  });
});

it('polling while Pulse is down is healthy', () => {
  const polling = { ...LISTENING, state: { phase: 'listening', pulse: 'down' } } as const;
  expect(health().report(polling)).toMatchObject({ canWork: true, isReady: true, pulse: 'down' });
});

it('a worker that shuts down is alive but not ready', () => {
  const draining = { ...LISTENING, state: { phase: 'draining', pulse: 'up', because: 'stopped' } } as const;
  expect(health().report(draining)).toMatchObject({ canWork: true, isReady: false });
});

it('a stopped worker cannot work', () => {
  const stopped = { ...LISTENING, state: { phase: 'stopped', pulse: 'up', because: 'idle' } } as const;
  expect(health().report(stopped)).toMatchObject({ canWork: false, isReady: false });
});

it('a full disk is a problem until there is enough space again, with its duration', () => {
  const { now, pass } = clock();
  const seen = health(now);
  seen.see(shortOfDisk);
  pass(5_000);
  const { canWork, isReady, problems } = seen.report(LISTENING);
  expect({ canWork, isReady, problems }).toEqual({
    canWork: false,
    isReady: false,
    problems: [{ kind: 'disk-short', message: expect.any(String), forSeconds: 5 }],
  });
  seen.see({ type: 'disk-enough' });
  expect(seen.report(LISTENING).canWork).toBe(true);
});

it.each([
  ['forbidden', 403],
  ['forbidden', 401],
  ['refused', 404],
] as const)('a queue that refuses claimWork with %s (%i) is a problem at once', (kind, statusCode) => {
  const seen = health();
  const err = new ServiceError(kind, 'secret words of the queue', statusCode);
  seen.see({ type: 'claim-work-failed', err, waitMs: 1 });
  const report = seen.report(LISTENING);
  expect(report.problems.map(problem => problem.kind)).toEqual(['queue-refuses']);
  // Everybody on the machine may read it.
  expect(JSON.stringify(report)).not.toContain('secret words');
  seen.see({ type: 'claim-work-works' });
  expect(seen.report(LISTENING).canWork).toBe(true);
});

it('an unavailable engine is a problem until it is back, whatever other engines do', () => {
  const seen = health();
  seen.see({ type: 'engine-away', engine: 'docker', reason: 'secret words' });
  seen.see({ type: 'engine-back', engine: 'user' });
  const report = seen.report(LISTENING);
  expect(report).toMatchObject({
    canWork: false,
    problems: [{ kind: 'engine-away', message: 'the engine docker does not answer' }],
  });
  seen.see({ type: 'engine-back', engine: 'docker' });
  expect(seen.report(LISTENING).canWork).toBe(true);
});

it('an unavailable queue is a problem only after some time', () => {
  const { now, pass } = clock();
  const seen = health(now);
  const fail = () => {
    seen.see({ type: 'pending-check-failed', err: new ServiceError('unreachable', 'no answer') });
  };
  fail();
  pass(119_000);
  fail();
  expect(seen.report(LISTENING).canWork).toBe(true);
  pass(2_000);
  fail();
  expect(seen.report(LISTENING).problems).toMatchObject([{ kind: 'queue-away', forSeconds: 121 }]);
  seen.see({ type: 'pending-check-works' });
  expect(seen.report(LISTENING).canWork).toBe(true);
});

it('a successful claimWork does not end the problem of another call', () => {
  const seen = health();
  seen.see({ type: 'pending-check-failed', err: new ServiceError('forbidden', 'no', 401) });
  seen.see({ type: 'claim-work-works' });
  expect(seen.report(LISTENING).canWork).toBe(false);
});

it('a worker in quarantine is healthy but not ready', () => {
  const seen = health();
  seen.see({ type: 'quarantined', until: '2030-01-01T00:00:00.000Z' });
  expect(seen.report(LISTENING)).toMatchObject({ canWork: true, isReady: false, pausedBy: ['quarantine'] });
  seen.see({ type: 'quarantine-ended' });
  expect(seen.report(LISTENING)).toMatchObject({ isReady: true, pausedBy: [] });
});
