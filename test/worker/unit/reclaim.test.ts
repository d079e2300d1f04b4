import { Subject } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Secret } from '../../../src/pulse/index.ts';
import { parseTime } from '../../../src/taskcluster/queue/claim.ts';
import { ServiceError, type Claim, type Lease } from '../../../src/taskcluster/index.ts';
import { reclaim } from '../../../src/worker/run/reclaim.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { eventLog } from './fake-queue.ts';

const MINUTE = 60_000;
const CLAIM_MS = 20 * MINUTE;
/** A claim is renewed between 60 % and 70 % of its length. */
const [EARLIEST, LATEST] = [0.6 * CLAIM_MS, 0.7 * CLAIM_MS];

/** Three of them take 36 to 42 minutes, four at least 48. */
const THREE_RENEWALS_MS = 43 * MINUTE;

const CONFLICT = new ServiceError('conflict', 'the run is over', 409);

interface Options {
  /** The length of a claim, in ms. */
  readonly claimMs?: number;
  /** How far the queue's clock is ahead of the worker's, in ms. */
  readonly aheadMs?: number;
  readonly write?: (time: Date) => string;
}

const isoTime = (time: Date) => time.toISOString();
const postgresTime = (time: Date) => time.toISOString().replace(/\.?0*Z$/, '+00:00');

/**
 * Keeps a claim in virtual time. The calls are fakes, because these tests control the times of calls and answers. A
 * renewal is answered immediately with a full claim, unless `answers` contains another answer.
 */
function start({ claimMs = CLAIM_MS, aheadMs = 0, write = isoTime }: Options = {}) {
  fakeTimers();
  const begun = performance.now();
  // The queue's clock continues, whatever happens to the worker's.
  const theirEpoch = Date.now() + aheadMs - begun;
  const theirTime = (inMs = 0) => parseTime(write(new Date(theirEpoch + performance.now() + inMs)));
  const credentials = { clientId: 'x', accessToken: new Secret('x') };
  const claim = {
    taskId: 'task',
    runId: 0,
    startedMs: theirTime(),
    lease: { takenUntilMs: theirTime(claimMs), credentials },
  } as Claim;
  const renewedAt: number[] = [];
  const answers: (Error | 'silence' | Promise<unknown>)[] = [];
  const back$ = new Subject<void>();
  const grants = { ms: claimMs };
  const renew = (): Promise<Lease> => {
    renewedAt.push(performance.now() - begun);
    const answer = answers.shift();
    if (answer === 'silence') return new Promise(() => undefined);
    if (answer instanceof Error) return Promise.reject(answer);
    const lease = { takenUntilMs: theirTime(grants.ms), credentials };
    return answer ? answer.then(() => lease) : Promise.resolve(lease);
  };
  const events = eventLog();
  const lost: { what: string; atMs: number }[] = [];
  const seen = { complete: false };
  const subscription = reclaim(claim, renew, events.emit, back$).subscribe({
    next: what => lost.push({ what, atMs: performance.now() - begun }),
    complete: () => (seen.complete = true),
  });
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  return { renewedAt, answers, grants, back$, events, lost, seen, subscription };
}

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const silences = (count: number) => Array.from({ length: count }, () => 'silence' as const);

describe('a claim', () => {
  it('is renewed at 60 to 70 % of each new lease, for as long as the run takes', async () => {
    const { renewedAt, lost } = start();
    await after(24 * 60 * MINUTE);
    expect(renewedAt.length).toBeGreaterThanOrEqual(100);
    renewedAt.forEach((atMs, index) => {
      const length = atMs - (renewedAt[index - 1] ?? 0);
      expect(length).toBeGreaterThanOrEqual(EARLIEST - 1);
      expect(length).toBeLessThanOrEqual(LATEST + 1);
    });
    expect(lost).toEqual([]);
  });

  it.each([
    ['ten minutes ahead', 10 * MINUTE],
    ['ten minutes behind', -10 * MINUTE],
    ['a year ahead', 365 * 24 * 60 * MINUTE],
  ])('is renewed in time when the queue’s clock is %s', async (_, aheadMs) => {
    const { renewedAt, lost } = start({ aheadMs });
    await after(THREE_RENEWALS_MS);
    expect(renewedAt[0]).toBeGreaterThanOrEqual(EARLIEST);
    expect(renewedAt[0]).toBeLessThanOrEqual(LATEST);
    expect(renewedAt).toHaveLength(3);
    expect(lost).toEqual([]);
  });

  it('is renewed in time when this machine’s clock is changed meanwhile', async () => {
    const { renewedAt, lost } = start();
    vi.setSystemTime(Date.now() + 60 * MINUTE);
    await after(EARLIEST - 1);
    expect(renewedAt).toEqual([]);
    vi.setSystemTime(Date.now() - 120 * MINUTE);
    await after(LATEST - EARLIEST + 1);
    expect(renewedAt).toHaveLength(1);
    expect(lost).toEqual([]);
  });

  it('logs how late its renewal was granted, and how much of it was left', async () => {
    const { answers, events } = start();
    const reclaimed = () =>
      events.lines.filter(({ message }) => message === 'reclaimed').map(({ fields }) => fields);
    await after(LATEST + 1);
    expect(reclaimed()).toMatchObject([{ taskId: 'task', runId: 0, lagMs: 0 }]);
    expect(reclaimed()[0]?.leftMs).toBeGreaterThanOrEqual(CLAIM_MS - LATEST);
    expect(reclaimed()[0]?.leftMs).toBeLessThanOrEqual(CLAIM_MS - EARLIEST);
    answers.push(new ServiceError('unavailable', 'not now', 503));
    await after(LATEST + 1_501);
    // The first pause.
    expect(reclaimed()[1]?.lagMs).toBeGreaterThanOrEqual(500);
    expect(reclaimed()[1]?.lagMs).toBeLessThanOrEqual(1_500);
  });

  it('has its times read in both formats', async () => {
    const { renewedAt, lost } = start({ write: postgresTime });
    await after(THREE_RENEWALS_MS);
    expect(renewedAt).toHaveLength(3);
    expect(lost).toEqual([]);
  });
});

describe('a claim is lost', () => {
  it('when the queue says that the run is over', async () => {
    const { answers, lost, seen, renewedAt } = start();
    answers.push(CONFLICT);
    await after(LATEST);
    expect(lost).toMatchObject([{ what: 'claim-lost' }]);
    expect(seen.complete).toBe(true);
    expect(renewedAt).toHaveLength(1);
  });

  it('when the queue says that the run is over after another error', async () => {
    const { answers, lost } = start();
    answers.push(new ServiceError('unavailable', 'not now', 503), CONFLICT);
    await after(LATEST + 2_000);
    expect(lost).toMatchObject([{ what: 'claim-lost' }]);
  });

  it('when it expires, to the millisecond, while renewals get no answer', async () => {
    const { answers, lost } = start();
    answers.push(...silences(1_000));
    await after(CLAIM_MS - 1);
    expect(lost).toEqual([]);
    await after(1);
    expect(lost).toEqual([{ what: 'claim-lost', atMs: CLAIM_MS }]);
  });

  it('when the last renewed lease expires', async () => {
    const { answers, lost, renewedAt } = start();
    await after(LATEST);
    expect(renewedAt).toHaveLength(1);
    answers.push(...silences(1_000));
    await after(2 * CLAIM_MS);
    expect(lost).toEqual([{ what: 'claim-lost', atMs: (renewedAt[0] ?? 0) + CLAIM_MS }]);
  });

  it('only once, after which it is not renewed again', async () => {
    const { answers, lost, renewedAt, seen } = start();
    answers.push(...Array.from({ length: 1_000 }, () => new ServiceError('unreachable', 'nobody there')));
    await after(CLAIM_MS);
    expect(lost).toHaveLength(1);
    expect(seen.complete).toBe(true);
    const tries = renewedAt.length;
    answers.length = 0;
    answers.push(CONFLICT);
    await after(2 * CLAIM_MS);
    expect(renewedAt).toHaveLength(tries);
    expect(lost).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a renewal that fails', () => {
  it('is retried sooner the less of the claim is left', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    onTestFinished(() => void vi.restoreAllMocks());
    const { answers, renewedAt } = start();
    answers.push(...Array.from({ length: 1_000 }, () => new ServiceError('unreachable', 'nobody there')));
    await after(CLAIM_MS);
    const left = renewedAt.map(atMs => CLAIM_MS - atMs);
    const pauses = renewedAt.slice(1).map((atMs, index) => atMs - (renewedAt[index] ?? 0));
    expect(Math.max(...pauses)).toBeGreaterThan(30_000);
    for (const [index, pauseMs] of pauses.entries()) {
      expect(pauseMs).toBeLessThanOrEqual(Math.max(250, (left[index] ?? 0) / 4));
    }
    expect(left.at(-1)).toBeLessThanOrEqual(250);
  });

  it.each([
    ['the queue is unavailable', new ServiceError('unavailable', 'not now', 503)],
    ['the queue is unreachable', new ServiceError('unreachable', 'nobody there')],
    ['the credentials are refused', new ServiceError('forbidden', 'no', 401)],
    ['the request is refused', new ServiceError('refused', 'no', 400)],
    ['the answer is invalid', new TypeError('no takenUntil')],
  ])('is retried until the claim expires: %s', async (_, error) => {
    const { answers, lost, renewedAt, events } = start();
    answers.push(...Array.from({ length: 1_000 }, () => error));
    await after(CLAIM_MS - 1);
    expect(lost).toEqual([]);
    // Six minutes remain, with pauses of up to half a minute.
    expect(renewedAt.length).toBeGreaterThan(10);
    expect(renewedAt.length).toBeLessThan(200);
    expect(events.lines).toHaveLength(renewedAt.length);
    await after(1);
    expect(lost).toHaveLength(1);
  });

  it('is retried at once when the queue answers another call, but only the first time', async () => {
    const { answers, renewedAt, back$ } = start();
    answers.push(...Array.from({ length: 1_000 }, () => new ServiceError('unavailable', 'not now', 500)));
    while (renewedAt.length === 0) await after(10);
    for (const made of [2, 2]) {
      back$.next();
      await after(0);
      expect(renewedAt).toHaveLength(made);
    }
  });

  it('for a minute does not cost the run its claim', async () => {
    const { answers, lost, renewedAt } = start();
    await after(EARLIEST);
    const failing = setInterval(() => {
      if (answers.length === 0) answers.push(new ServiceError('unavailable', 'out of order', 500));
    }, 10);
    await after(LATEST - EARLIEST + MINUTE);
    clearInterval(failing);
    answers.length = 0;
    expect(renewedAt.length).toBeGreaterThan(2);
    await after(2 * CLAIM_MS);
    expect(lost).toEqual([]);
  });

  it('is not retried after the claim has expired, for example while the machine was suspended', async () => {
    const { renewedAt, lost } = start();
    // All timers are due at the same time, and the renewal's is the first.
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + CLAIM_MS);
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    await after(CLAIM_MS);
    expect(renewedAt).toEqual([]);
    expect(lost).toMatchObject([{ what: 'claim-lost' }]);
  });

  it('is retried after a pause, of at least half a second unless the claim is about to expire', async () => {
    const { answers, renewedAt } = start();
    answers.push(...Array.from({ length: 1_000 }, () => new ServiceError('unavailable', 'not now', 503)));
    await after(CLAIM_MS);
    renewedAt.slice(1).forEach((atMs, index) => {
      const before = renewedAt[index] ?? 0;
      expect(atMs - before).toBeGreaterThanOrEqual(CLAIM_MS - before > 2_000 ? 499 : 249);
    });
  });

  it('has no effect on later renewals once it succeeds in time', async () => {
    const { answers, lost, renewedAt } = start();
    answers.push(
      new ServiceError('unavailable', 'not now', 503),
      new ServiceError('unreachable', 'nobody there'),
    );
    await after(2 * CLAIM_MS);
    const [, , renewed = 0, next = 0] = renewedAt;
    expect(renewed).toBeLessThan(LATEST + 5_000);
    expect(next - renewed).toBeGreaterThanOrEqual(EARLIEST - 1);
    expect(next - renewed).toBeLessThanOrEqual(LATEST + 1);
    expect(lost).toEqual([]);
  });
});

describe('a claim that becomes shorter', () => {
  it('is renewed more often', async () => {
    const { grants, lost, renewedAt } = start();
    grants.ms = MINUTE;
    await after(CLAIM_MS + MINUTE);
    expect(lost).toEqual([]);
    renewedAt.slice(1).forEach((atMs, index) => {
      expect(atMs - (renewedAt[index] ?? 0)).toBeLessThanOrEqual(0.7 * MINUTE + 1);
    });
    expect(renewedAt.length).toBeGreaterThan(5);
  });
});

describe('a renewal without an answer', () => {
  it.each([4_000, 10_000, 25_000, 60_000, CLAIM_MS])(
    'is followed by others in time, with claims of %i ms',
    async claimMs => {
      vi.spyOn(Math, 'random').mockReturnValue(0);
      onTestFinished(() => void vi.restoreAllMocks());
      const { answers, lost, renewedAt } = start({ claimMs });
      answers.push('silence', 'silence');
      await after(claimMs);
      expect(lost).toEqual([]);
      expect(renewedAt).toHaveLength(3);
    },
  );

  it('still counts when it is granted late', async () => {
    const claimMs = 25_000;
    const { answers, lost, renewedAt, events } = start({ claimMs });
    const { promise, resolve } = Promise.withResolvers<undefined>();
    answers.push(promise, ...silences(1_000));
    await after(claimMs - 100);
    expect(renewedAt.length).toBeGreaterThanOrEqual(4);
    expect(events.lines.at(0)).toMatchObject({ message: 'could not reclaim, trying again' });
    resolve(undefined);
    await after(claimMs / 2);
    expect(lost).toEqual([]);
  });

  it('ends the run if one of the renewals that follow it is refused', async () => {
    const { answers, lost } = start({ claimMs: 25_000 });
    answers.push('silence', CONFLICT);
    await after(24_000);
    expect(lost).toMatchObject([{ what: 'claim-lost' }]);
  });
});

describe('a claim that is no longer needed', () => {
  it('is not renewed, and leaves no timers', async () => {
    const { renewedAt, subscription } = start();
    await after(LATEST);
    subscription.unsubscribe();
    await after(10 * CLAIM_MS);
    expect(renewedAt).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
