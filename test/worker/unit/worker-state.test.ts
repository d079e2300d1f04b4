import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  nextWorkerState,
  STARTING,
  type ExitReason,
  type LifeEvent,
  type WorkerState,
} from '../../../src/worker/life/worker-state.ts';

const PHASES: WorkerState['phase'][] = ['starting', 'listening', 'draining', 'stopped'];
const REASONS: ExitReason[] = ['tasks-complete', 'idle', 'not-needed', 'stopped', 'shutdown'];

const event: fc.Arbitrary<LifeEvent> = fc.oneof(
  fc.boolean().map((up): LifeEvent => ({ type: 'pulse', up })),
  fc.constantFrom(...REASONS).map((because): LifeEvent => ({ type: 'drain', because })),
  fc.constant<LifeEvent>({ type: 'drained' }),
);

function statesOf(events: readonly LifeEvent[]): WorkerState[] {
  const states: WorkerState[] = [STARTING];
  for (const each of events) states.push(nextWorkerState(states.at(-1) ?? STARTING, each));
  return states;
}

const last = (...events: LifeEvent[]) => statesOf(events).at(-1);

/** Checks that a property holds for each step of every life. */
function always(holds: (before: WorkerState, after: WorkerState, event: LifeEvent) => void): void {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), events => {
      const states = statesOf(events);
      events.forEach((each, index) => {
        holds(states[index] ?? STARTING, states[index + 1] ?? STARTING, each);
      });
    }),
  );
}

describe('a worker', () => {
  it.each([
    [true, 'up'],
    [false, 'down'],
  ])('starts to listen once it is known whether Pulse is up: %j', (up, pulse) => {
    expect(last({ type: 'pulse', up })).toEqual({ phase: 'listening', pulse });
  });

  it('may be told to shut down before it has started', () => {
    expect(last({ type: 'drain', because: 'stopped' })).toEqual({
      phase: 'draining',
      pulse: 'undecided',
      because: 'stopped',
    });
  });

  it('remembers why it ended', () => {
    const events: LifeEvent[] = [
      { type: 'pulse', up: true },
      { type: 'drain', because: 'idle' },
      { type: 'drained' },
    ];
    expect(last(...events)).toEqual({ phase: 'stopped', pulse: 'up', because: 'idle' });
  });

  it.each<[ExitReason, ExitReason, ExitReason]>([
    ['stopped', 'shutdown', 'shutdown'],
    ['idle', 'shutdown', 'shutdown'],
    ['tasks-complete', 'shutdown', 'shutdown'],
    ['shutdown', 'stopped', 'shutdown'],
    ['shutdown', 'idle', 'shutdown'],
    ['stopped', 'idle', 'stopped'],
    ['tasks-complete', 'stopped', 'tasks-complete'],
  ])(
    'keeps the first reason to end, unless a later one is more urgent: %s, then %s',
    (first, second, because) => {
      expect(last({ type: 'drain', because: first }, { type: 'drain', because: second })).toMatchObject({
        phase: 'draining',
        because,
      });
    },
  );
});

describe('for any sequence of events', () => {
  it('a worker never returns to an earlier phase', () => {
    always((before, after) => {
      expect(PHASES.indexOf(after.phase)).toBeGreaterThanOrEqual(PHASES.indexOf(before.phase));
    });
  });

  it('a worker stops only from draining, and only when it has drained', () => {
    always((before, after, each) => {
      if (before.phase === 'stopped' || after.phase !== 'stopped') return;
      expect([before.phase, each.type]).toEqual(['draining', 'drained']);
    });
  });

  it('a worker has a reason to end exactly when it is draining or stopped', () => {
    always((_, after) => {
      expect(after.because !== undefined).toBe(after.phase === 'draining' || after.phase === 'stopped');
    });
  });

  it('an immediate shutdown is never withdrawn, and a stopped worker keeps its reason', () => {
    always((before, after) => {
      if (before.because === 'shutdown') expect(after.because).toBe('shutdown');
      if (before.phase === 'stopped') expect(after.because).toBe(before.because);
    });
  });

  it('Pulse only changes how a worker asks for work, and starts it', () => {
    always((before, after, each) => {
      if (each.type === 'pulse') expect(after.pulse).toBe(each.up ? 'up' : 'down');
      else expect(after.pulse).toBe(before.pulse);
      if (each.type === 'pulse' && before.phase !== 'starting') expect(after.phase).toBe(before.phase);
    });
  });
});
