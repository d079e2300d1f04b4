import { NEVER, of } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import type { Claim } from '../../../src/taskcluster/index.ts';
import type { WorkerEvent } from '../../../src/worker/events.ts';
import { limits } from '../../../src/worker/life/limits.ts';
import { STARTING } from '../../../src/worker/life/worker-state.ts';
import type { RunState } from '../../../src/worker/run/run-state.ts';
import { fakeTimers, marbles } from '../../streams/virtual-time.ts';
import { workerConfig } from './worker-config.ts';

const run = (state: RunState): WorkerEvent => ({ type: 'run', claim: {} as Claim, state });

/** A run begins, continues, is stopped, and ends. One more event is not about a run. */
const EVENTS = {
  b: run({ phase: 'claimed' }),
  p: run({ phase: 'preparing' }),
  s: run({ phase: 'claimed', stop: 'canceled' }),
  r: run({ phase: 'resolving', outcome: { result: 'completed' } }),
  e: run({ phase: 'resolved', outcome: { result: 'completed' } }),
  w: { type: 'worker', state: STARTING } satisfies WorkerEvent,
};
const NONE_TAKEN = { unused$: of(true), outOfService$: of(false) };
const WHY = { t: 'tasks-complete', i: 'idle', o: 'out-of-service' };

describe('a worker with numberOfTasksToRun', () => {
  const config = workerConfig({ numberOfTasksToRun: 2 });

  it('ends as soon as the last of these tasks has started', () => {
    marbles(({ hot, expectObservable }) => {
      const events$ = hot('wbp-re-b--re', EVENTS);
      expectObservable(limits(config, events$, NONE_TAKEN)).toBe('-------(t|)', WHY);
    });
  });

  it('counts each run once, whatever its further events are', () => {
    marbles(({ hot, expectObservable }) => {
      expectObservable(limits(config, hot('wbspre---', EVENTS), NONE_TAKEN)).toBe('---------');
    });
  });
});

describe('a worker with idleTimeoutSecs', () => {
  const config = workerConfig({ idleTimeoutSecs: 60 });

  it('counts from its start', () => {
    marbles(({ expectObservable }) => {
      expectObservable(limits(config, NEVER, NONE_TAKEN)).toBe('60s (i|)', WHY);
    });
  });

  it('waits for the whole time again if it is still needed', () => {
    marbles(({ expectObservable }) => {
      let asked = 0;
      const needed = () => of(++asked < 3);
      expectObservable(limits(config, NEVER, NONE_TAKEN, undefined, needed)).toBe('180s (i|)', WHY);
    });
  });

  it('starts the time again after each run', () => {
    marbles(({ hot, expectObservable }) => {
      expectObservable(limits(config, hot('59s b 119s e', EVENTS), NONE_TAKEN)).toBe('238001ms (i|)', WHY);
    });
  });

  it('is not idle while any task runs', () => {
    marbles(({ hot, expectObservable }) => {
      const events$ = hot('bb 9998ms e 299s e', EVENTS);
      expectObservable(limits(config, events$, NONE_TAKEN)).toBe('369001ms (i|)', WHY);
    });
  });

  it('does not end while a call is open that may return a claim', () => {
    const unused = { u: true, t: false };
    marbles(({ cold, expectObservable }) => {
      // Observed from the end of the time limit: a call is open at that time, and ends 5 s later.
      const unused$ = cold('t 4999ms u', unused);
      expectObservable(limits(config, NEVER, { ...NONE_TAKEN, unused$ })).toBe('65s (i|)', WHY);
    });
    marbles(({ hot, cold, expectObservable }) => {
      const unused$ = cold('t 9s u', unused);
      const events$ = hot('65s b 9999ms e', EVENTS);
      expectObservable(limits(config, events$, { ...NONE_TAKEN, unused$ })).toBe('144001ms (i|)', WHY);
    });
  });

  it('asks the queue when the time has passed, and ends only if nothing is pending', () => {
    const answers = { n: true, f: false };
    marbles(({ cold, expectObservable }) => {
      const confirmed = () => cold('f 9s n', answers);
      expectObservable(limits(config, NEVER, NONE_TAKEN, confirmed)).toBe('69001ms (i|)', WHY);
    });
    marbles(({ cold, expectObservable }) => {
      const confirmed = () => cold('f 9s f', answers);
      expectObservable(limits(config, NEVER, NONE_TAKEN, confirmed), '600s !').toBe('');
    });
  });

  it('does not end on an answer if another call was open and failed', () => {
    marbles(({ cold, expectObservable }) => {
      const unused$ = cold('t 9s u', { u: true, t: false });
      const confirmed = () => cold('f 2s n 1s f', { n: true, f: false });
      expectObservable(limits(config, NEVER, { ...NONE_TAKEN, unused$ }, confirmed), '600s !').toBe('');
    });
  });

  it('is kept waiting only by runs, not by other events', () => {
    marbles(({ hot, expectObservable }) => {
      expectObservable(limits(config, hot('30s w 10s w', EVENTS), NONE_TAKEN)).toBe('60s (i|)', WHY);
    });
  });

  it('may wait for months', () => {
    fakeTimers();
    const seen: string[] = [];
    const days = 60;
    limits(workerConfig({ idleTimeoutSecs: days * 86_400 }), NEVER, NONE_TAKEN).subscribe(why =>
      seen.push(why),
    );
    vi.advanceTimersByTime(days * 86_400_000 - 1);
    expect(seen).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(seen).toEqual(['idle']);
  });
});

describe('a worker with both limits', () => {
  it('ends at the first of the two, once', () => {
    const config = workerConfig({ numberOfTasksToRun: 1, idleTimeoutSecs: 60 });
    marbles(({ hot, expectObservable }) => {
      expectObservable(limits(config, hot('59s b e 300s', EVENTS), NONE_TAKEN)).toBe('59s (t|)', WHY);
      expectObservable(limits(config, hot('61s b', EVENTS), NONE_TAKEN)).toBe('60s (i|)', WHY);
    });
  });
});

describe('a worker with all slots out of service', () => {
  it('ends because of that, even if the removal of its runs is still in progress', () => {
    marbles(({ hot, cold, expectObservable }) => {
      const outOfService$ = cold('n 9s y', { n: false, y: true });
      expectObservable(limits(workerConfig(), hot('b', EVENTS), { ...NONE_TAKEN, outOfService$ })).toBe(
        '9001ms (o|)',
        WHY,
      );
    });
  });
});

describe('a worker without limits', () => {
  it('never ends on its own', () => {
    marbles(({ hot, expectObservable }) => {
      expectObservable(limits(workerConfig(), hot('be 999m b', EVENTS), NONE_TAKEN), '1000m !').toBe('');
    });
  });
});
