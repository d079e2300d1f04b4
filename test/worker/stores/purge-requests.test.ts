import taskcluster from 'taskcluster-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startLocalQueue } from '../../../src/local/index.ts';
import { Secret } from '../../../src/pulse/index.ts';
import { connectQueue, type Queue } from '../../../src/taskcluster/index.ts';
import type { WorkerEvent } from '../../../src/worker/index.ts';
import { purgeRequests } from '../../../src/worker/stores/index.ts';
import { cachesUnderTest, signal } from './caches-under-test.ts';

const MINUTE = 60_000;

/** The call of taskcluster-client that a user in these tests makes. The package has no types. */
interface UserCalls {
  purgeCache(workerPoolId: string, request: { cacheName: string }): Promise<unknown>;
}

/** The purge-cache service, with the calls of a worker. */
function service() {
  const calls: unknown[][] = [];
  const requests: { cacheName: string; before: string; provisionerId: string; workerType: string }[] = [];
  const state = { fails: false, now: 0 };
  const waiting: (() => void)[] = [];
  let holds = false;
  const queue = {
    service:
      () =>
      async (...call: unknown[]) => {
        calls.push(call);
        if (holds) await new Promise<void>(resolve => waiting.push(resolve));
        if (state.fails) throw new Error('503');
        return { requests };
      },
  } as unknown as Pick<Queue, 'service'>;
  return {
    calls,
    state,
    queue,
    request: (cacheName: string, beforeMs: number) => {
      requests.push({ cacheName, before: new Date(beforeMs).toJSON(), provisionerId: 'p', workerType: 'w' });
    },
    forget: () => requests.splice(0),
    hold: () => {
      holds = true;
    },
    answer: () => {
      holds = false;
      for (const go of waiting.splice(0)) go();
    },
  };
}

function asking() {
  const events: WorkerEvent[] = [];
  const purgeCache = service();
  const { queue, state } = purgeCache;
  const purge = purgeRequests({
    queue,
    workerPoolId: 'p/w',
    emit: item => void events.push(item),
    monotonic: () => state.now,
  });
  return { ...purgeCache, events, purge };
}

describe('purge requests', () => {
  it('are fetched at most once a minute, for all callers together', async () => {
    const { purge, calls, state, request, forget } = asking();
    request('x', 5 * MINUTE);
    request('x', 9 * MINUTE);
    request('y', 10 * MINUTE);
    const answers = await Promise.all([purge.asked(signal), purge.asked(signal)]);
    for (const answer of answers)
      expect(answer).toEqual(
        new Map([
          ['x', 9 * MINUTE],
          ['y', 10 * MINUTE],
        ]),
      );
    state.now = MINUTE - 1;
    await purge.asked(signal);
    expect(calls).toEqual([['purgeCache', 'purgeRequests', 'p/w', {}]]);
    state.now = MINUTE;
    forget();
    // Requests that may not have been obeyed yet are returned again.
    expect(await purge.asked(signal)).toEqual(answers[0]);
    expect(calls[1]).toEqual([
      'purgeCache',
      'purgeRequests',
      'p/w',
      { since: new Date(5 * MINUTE).toJSON() },
    ]);
  });

  it('that cannot be fetched cause a warning, and are fetched a minute later', async () => {
    const { purge, calls, state, request, events } = asking();
    request('x', 1);
    state.fails = true;
    expect(await purge.asked(signal)).toEqual(new Map());
    await purge.asked(signal);
    expect(calls).toHaveLength(1);
    expect(events).toMatchObject([{ type: 'purge-requests-failed' }]);
    state.fails = false;
    state.now = MINUTE;
    expect(await purge.asked(signal)).toEqual(new Map([['x', 1]]));
  });

  it('are not waited for by a stopped run, and reach the others', async () => {
    const { purge, request, hold, answer } = asking();
    request('x', 1);
    hold();
    const stop = new AbortController();
    const stopped = purge.asked(stop.signal);
    const other = purge.asked(signal);
    stop.abort(new Error('canceled'));
    await expect(stopped).rejects.toThrow('canceled');
    await expect(purge.asked(stop.signal)).rejects.toThrow('canceled');
    answer();
    expect(await other).toEqual(new Map([['x', 1]]));
  });

  it('with an invalid time are ignored', async () => {
    const { purge, queue } = asking();
    const odd = { service: () => async () => ({ requests: [{ cacheName: 'x', before: 'soon' }] }) };
    Object.assign(queue, odd);
    expect(await purge.asked(signal)).toEqual(new Map());
  });
});

describe('a cache whose purge is requested', () => {
  it('is not used by later runs', async () => {
    const { purge, request, state } = asking();
    let now = 1_000_000;
    const { take, log, open } = await cachesUnderTest({ purge, now: () => now });
    await (await take('x')).keep(signal);
    await (await take('y')).keep(signal);
    // Also after a restart of the worker.
    const caches = await open({ purge, now: () => now });
    request('x', now + 1);
    state.now += MINUTE;
    now += 10;
    log.lines.splice(0);
    const fresh = await take('x');
    expect(fresh.isNew).toBe(true);
    expect(log.lines[0]).toBe('[mounts] Removing cache x from cache table');
    expect(log.lines[1]).toMatch(/^\[mounts\] Deleting cache x file\(s\) at /);
    expect(caches.unused()).toMatchObject([{ description: 'cache y' }]);
    // The new cache is younger than the request.
    await fresh.keep(signal);
    expect((await take('x')).isNew).toBe(false);
  });

  it('is discarded when its owner returns it', async () => {
    const { purge, request, state } = asking();
    let now = 1_000_000;
    const { take, log, open } = await cachesUnderTest({ purge, now: () => now });
    const caches = await open();
    const cache = await take('x');
    request('x', now + 1);
    state.now += MINUTE;
    now += 10;
    const other = await take('x');
    await cache.keep(signal);
    await other.keep(signal);
    expect(log.lines).toContain('[mounts] Cache x is not preserved, since its purge was requested meanwhile');
    expect(caches.unused()).toHaveLength(1);
  });
});

describe('the purge-cache service of a deployment', () => {
  const account = (clientId: string, ...scopes: string[]) => ({
    clientId,
    accessToken: new Secret(`${clientId}-token-of-22-letters`),
    scopes,
  });
  const deployed = async (scopes: string[]) => {
    const [user, worker] = [account('user', 'purge-cache:*'), account('worker', ...scopes)];
    const local = await startLocalQueue({ publish: async () => undefined, clients: [user, worker] });
    onTestFinished(() => local.close());
    const queue = connectQueue({
      rootUrl: local.rootUrl,
      taskQueueId: 'p/w',
      workerGroup: 'g',
      workerId: 'w',
      credentials: worker,
    });
    const { PurgeCache } = taskcluster as unknown as { PurgeCache: new (options: object) => UserCalls };
    const credentials = { clientId: user.clientId, accessToken: user.accessToken.reveal() };
    const userCalls = new PurgeCache({ rootUrl: local.rootUrl, credentials });
    const events: WorkerEvent[] = [];
    const clock = { now: 0 };
    const purge = purgeRequests({
      queue,
      workerPoolId: 'p/w',
      emit: item => void events.push(item),
      monotonic: () => clock.now,
    });
    const request = (pool: string, cacheName: string) => userCalls.purgeCache(pool, { cacheName });
    return { queue, purge, events, clock, request };
  };

  it('is asked before a cache is used', async () => {
    const { queue, purge, events, clock, request } = await deployed(['purge-cache:purge-requests::p/w']);
    const { take } = await cachesUnderTest({ purge, now: () => queue.now() });
    await (await take('x')).keep(signal);
    await (await take('y')).keep(signal);
    await new Promise(resolve => setTimeout(resolve, 5));
    await request('p/w', 'x');
    await request('p/other', 'y');
    clock.now += MINUTE;
    expect((await take('y')).isNew).toBe(false);
    expect((await take('x')).isNew).toBe(true);
    expect(events).toEqual([]);
  });

  it('that refuses the worker causes a warning', async () => {
    const { purge, events, request } = await deployed([]);
    await request('p/w', 'x');
    expect(await purge.asked(signal)).toEqual(new Map());
    expect(events).toMatchObject([{ type: 'purge-requests-failed' }]);
  });
});
