import { NEVER } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import type { Claim } from '../../../src/queue/index.ts';
import type { WorkerNews } from '../../../src/worker/events.ts';
import { limits } from '../../../src/worker/limits.ts';
import { STARTING } from '../../../src/worker/worker-state.ts';
import type { RunState } from '../../../src/worker/run/run-state.ts';
import { fakeTimers, marbles } from '../../streams/virtual-time.ts';
import { workerConfig } from './worker-config.ts';

const run = (state: RunState): WorkerNews => ({ type: 'run', claim: {} as Claim, state });

/** A run begins, goes on, is stopped, ends; and something that is no news of a run. */
const NEWS = {
  b: run({ phase: 'claimed' }),
  p: run({ phase: 'preparing' }),
  s: run({ phase: 'claimed', stop: 'canceled' }),
  r: run({ phase: 'resolving', outcome: { result: 'completed' } }),
  e: run({ phase: 'resolved', outcome: { result: 'completed' } }),
  w: { type: 'worker', state: STARTING } satisfies WorkerNews,
};
const WHY = { t: 'tasks-complete', i: 'idle' };

describe('a worker that is to run so many tasks', () => {
  const config = workerConfig({ numberOfTasksToRun: 2 });

  it('has enough as soon as the last of them has begun', () => {
    marbles(({ hot, expectObservable }) => {
      const news$ = hot('wbp-re-b--re', NEWS);
      expectObservable(limits(config, news$)).toBe('-------(t|)', WHY);
    });
  });

  it('counts each run once, however it goes on', () => {
    marbles(({ hot, expectObservable }) => {
      expectObservable(limits(config, hot('wbspre---', NEWS))).toBe('---------');
    });
  });
});

describe('a worker that is to wait only so long', () => {
  const config = workerConfig({ idleTimeoutSecs: 60 });

  it('has waited long enough from the start on', () => {
    marbles(({ expectObservable }) => {
      expectObservable(limits(config, NEVER)).toBe('60s (i|)', WHY);
    });
  });

  it('waits anew after each time that something ran', () => {
    marbles(({ hot, expectObservable }) => {
      expectObservable(limits(config, hot('59s b 119s e', NEWS))).toBe('238001ms (i|)', WHY);
    });
  });

  it('does not wait while anything runs', () => {
    marbles(({ hot, expectObservable }) => {
      const news$ = hot('bb 9998ms e 299s e', NEWS);
      expectObservable(limits(config, news$)).toBe('369001ms (i|)', WHY);
    });
  });

  it('is not made to wait longer by anything but a run', () => {
    marbles(({ hot, expectObservable }) => {
      expectObservable(limits(config, hot('30s w 10s w', NEWS))).toBe('60s (i|)', WHY);
    });
  });

  it('may wait for months', () => {
    fakeTimers();
    const seen: string[] = [];
    const days = 60;
    limits(workerConfig({ idleTimeoutSecs: days * 86_400 }), NEVER).subscribe(why => seen.push(why));
    vi.advanceTimersByTime(days * 86_400_000 - 1);
    expect(seen).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(seen).toEqual(['idle']);
  });
});

describe('a worker with both limits', () => {
  it('ends for whichever comes first, once', () => {
    const config = workerConfig({ numberOfTasksToRun: 1, idleTimeoutSecs: 60 });
    marbles(({ hot, expectObservable }) => {
      expectObservable(limits(config, hot('59s b e 300s', NEWS))).toBe('59s (t|)', WHY);
      expectObservable(limits(config, hot('61s b', NEWS))).toBe('60s (i|)', WHY);
    });
  });
});

describe('a worker without limits', () => {
  it('never ends by itself', () => {
    marbles(({ hot, expectObservable }) => {
      expectObservable(limits(workerConfig(), hot('be 999m b', NEWS)), '1000m !').toBe('');
    });
  });
});
