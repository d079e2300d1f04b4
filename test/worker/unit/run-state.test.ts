import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/worker/outcome.ts';
import { CLAIMED, nextRunState, type RunEvent, type RunState } from '../../../src/worker/run/run-state.ts';
import { STOP_RULES, type StopReason } from '../../../src/worker/run/stop.ts';

const PHASES: RunState['phase'][] = ['claimed', 'preparing', 'running', 'uploading', 'resolving', 'resolved'];
const REASONS = Object.keys(STOP_RULES) as StopReason[];
const COMPLETED: Outcome = { result: 'completed' };

const outcome = fc.constantFrom<Outcome | undefined>(
  undefined,
  COMPLETED,
  { result: 'failed', message: 'exit status 1' },
  { result: 'exception', reason: 'internal-error', message: 'x' },
);
const event: fc.Arbitrary<RunEvent> = fc.oneof(
  fc.constantFrom<RunEvent>(
    { type: 'prepare' },
    { type: 'run' },
    { type: 'upload' },
    { type: 'cutoff' },
    { type: 'end' },
  ),
  outcome.map((what): RunEvent => ({ type: 'resolve', outcome: what })),
  fc.constantFrom(...REASONS).map((reason): RunEvent => ({ type: 'stop', reason })),
);
const life = fc.array(event, { maxLength: 30 });

/** The states through which a list of events leads, including the first. */
function statesOf(events: readonly RunEvent[]): RunState[] {
  const states: RunState[] = [CLAIMED];
  for (const each of events) states.push(nextRunState(states.at(-1) ?? CLAIMED, each));
  return states;
}

/** Checks that a property holds for each step of every life. */
function always(holds: (before: RunState, after: RunState, event: RunEvent) => void): void {
  fc.assert(
    fc.property(life, events => {
      const states = statesOf(events);
      events.forEach((each, index) => {
        holds(states[index] ?? CLAIMED, states[index + 1] ?? CLAIMED, each);
      });
    }),
  );
}

const at = ({ phase }: RunState) => PHASES.indexOf(phase);
const isLate = (state: RunState) => state.phase === 'resolving' || state.phase === 'resolved';
const OF_COMMANDS: StopReason[] = ['max-run-time', 'limit-exceeded', 'worker-shutdown'];

describe('the states of a run', () => {
  it('lead through all phases to the end', () => {
    const events: RunEvent[] = [
      { type: 'prepare' },
      { type: 'run' },
      { type: 'upload' },
      { type: 'resolve', outcome: COMPLETED },
      { type: 'end' },
    ];
    expect(statesOf(events)).toEqual([
      { phase: 'claimed' },
      { phase: 'preparing' },
      { phase: 'running' },
      { phase: 'uploading' },
      { phase: 'resolving', outcome: COMPLETED },
      { phase: 'resolved', outcome: COMPLETED },
    ]);
  });

  it('lead to the end when phases are skipped, as for a malformed payload', () => {
    const events: RunEvent[] = [
      { type: 'prepare' },
      { type: 'upload' },
      { type: 'resolve', outcome: undefined },
      { type: 'end' },
    ];
    expect(statesOf(events).map(({ phase }) => phase)).toEqual([
      'claimed',
      'preparing',
      'uploading',
      'resolving',
      'resolved',
    ]);
  });

  it('record processes that could not be ended', () => {
    const resolving: RunState = { phase: 'resolving', outcome: COMPLETED };
    const ended = nextRunState(resolving, { type: 'end', processesLeft: true });
    expect(ended).toEqual({ phase: 'resolved', outcome: COMPLETED, processesLeft: true });
    expect(nextRunState(resolving, { type: 'end', processesLeft: false })).not.toHaveProperty(
      'processesLeft',
    );
  });

  it('record a stop besides the phase, and a stopped run still passes the remaining phases', () => {
    const events: RunEvent[] = [
      { type: 'prepare' },
      { type: 'run' },
      { type: 'stop', reason: 'canceled' },
      { type: 'upload' },
      { type: 'resolve', outcome: undefined },
      { type: 'end' },
    ];
    expect(statesOf(events).at(-1)).toEqual({ phase: 'resolved', stop: 'canceled', outcome: undefined });
  });
});

describe('for any sequence of events', () => {
  it('no phase is followed by an earlier one', () => {
    always((before, after) => {
      expect(at(after)).toBeGreaterThanOrEqual(at(before));
    });
  });

  it('the first stop is kept', () => {
    always((before, after) => {
      if (before.stop) expect(after.stop).toBe(before.stop);
    });
  });

  it('a stop has the reason of its event, or is worker-shutdown if the time to upload runs out', () => {
    always((before, after, each) => {
      if (after.stop === before.stop) return;
      if (each.type === 'cutoff') {
        expect(after).toEqual({ phase: 'uploading', stop: 'worker-shutdown' });
        expect(before.phase).toBe('uploading');
      } else expect(each).toEqual({ type: 'stop', reason: after.stop });
    });
  });

  it('a reason that concerns only commands has no effect once they have ended', () => {
    always((before, after, each) => {
      if (before.phase !== 'uploading' || each.type !== 'stop') return;
      if (OF_COMMANDS.includes(each.reason)) expect(after).toBe(before);
    });
  });

  it('no stop has an effect once the run is being resolved', () => {
    always((before, after, each) => {
      if (isLate(before) && each.type === 'stop') expect(after).toBe(before);
    });
  });

  it('a stop takes effect at once in every earlier phase', () => {
    always((before, after, each) => {
      if (each.type !== 'stop' || isLate(before) || before.stop) return;
      if (before.phase === 'uploading' && OF_COMMANDS.includes(each.reason)) return;
      expect(after).toEqual({ ...before, stop: each.reason });
    });
  });

  it('the outcome is set once and kept', () => {
    always((before, after) => {
      if ('outcome' in before) expect(after).toHaveProperty('outcome', before.outcome);
    });
  });

  it('a run ends only after it was resolved, and the end is final', () => {
    always((before, after) => {
      if (after.phase === 'resolved') expect(isLate(before)).toBe(true);
      if (before.phase === 'resolved') expect(after).toBe(before);
    });
  });

  it('an event that does not apply returns the same state, and no state is mutated', () => {
    fc.assert(
      fc.property(life, events => {
        const states = statesOf(events);
        const copies = structuredClone(states);
        states.forEach((state, index) => {
          const before = states[index - 1];
          if (before && before !== state) expect(state).not.toEqual(before);
        });
        events.forEach(each => states.forEach(state => nextRunState(state, each)));
        expect(states).toEqual(copies);
      }),
    );
  });
});

describe('a stop reason', () => {
  it('leads to a report only if the queue still expects one', () => {
    const reports = Object.fromEntries(REASONS.map(reason => [reason, STOP_RULES[reason].report]));
    expect(reports).toEqual({
      canceled: 'nothing',
      'deadline-exceeded': 'nothing',
      'claim-lost': 'nothing',
      'max-run-time': 'failed',
      'limit-exceeded': 'failed',
      'worker-shutdown': 'worker-shutdown',
    });
  });

  it('uploads no artifacts if the claim was lost', () => {
    expect(STOP_RULES['claim-lost'].artifacts).toBe('none');
  });

  it('makes the report come first only if the worker shuts down', () => {
    const first = REASONS.filter(reason => STOP_RULES[reason].reportFirst);
    expect(first).toEqual(['worker-shutdown']);
  });

  it('never keeps the caches of an interrupted run', () => {
    expect(REASONS.filter(reason => STOP_RULES[reason].keepCaches)).toEqual([]);
  });
});
