import { describe, expect, it } from 'vitest';
import { FEATURES } from '../../../src/worker/features/index.ts';
import type { FeatureRun } from '../../../src/worker/features/feature.ts';
import { env } from '../../../src/worker/features/env.ts';
import { logs } from '../../../src/worker/features/logs.ts';
import { maxRunTime } from '../../../src/worker/features/max-run-time.ts';
import { switches } from '../../../src/worker/features/switches.ts';
import type { Payload } from '../../../src/worker/features/payload.ts';
import { workerConfig } from './worker-config.ts';

/** What is wrong with a payload by one feature's own check. */
function problemOf(feature: (typeof FEATURES)[number], payload: Partial<Payload>, config = workerConfig()) {
  const run = { payload: { command: [['true']], maxRunTime: 60, ...payload }, config } as FeatureRun;
  try {
    feature.check?.(run);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ name: 'TaskError', kind: 'malformed-payload' });
    return (error as Error).message;
  }
}

describe('the features', () => {
  it('have names of their own', () => {
    const names = FEATURES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('a variable', () => {
  it('may have any name and any value that a system takes', () => {
    expect(problemOf(env, { env: { A: '', _b1: 'x=y', 'with-dash': 'x', ÄÖ: 'x' } })).toBeUndefined();
  });

  // `TASK_ID=x` would be another TASK_ID for every program that takes the first.
  it.each(['TASK_ID=x', '=', '', 'A\0B'])('may not be named %j', name => {
    expect(problemOf(env, { env: { A: 'x', [name]: 'x' } })).toBe(
      `no environment variable can be named ${JSON.stringify(name)}`,
    );
  });

  it('may not have a value that ends in the middle', () => {
    expect(problemOf(env, { env: { A: 'x\0y' } })).toBe('the environment variable "A" holds a NUL');
  });
});

describe('maxRunTime', () => {
  it('may be as long as the pool allows, and not longer', () => {
    const config = workerConfig({ maxTaskRunTime: 3_600 });
    expect(problemOf(maxRunTime, { maxRunTime: 3_600 }, config)).toBeUndefined();
    expect(problemOf(maxRunTime, { maxRunTime: 3_601 }, config)).toBe(
      'maxRunTime of 3601 s is more than this worker pool allows (3600 s)',
    );
  });
});

describe("the log's names", () => {
  const LIVE = 'public/logs/live.log';
  const problem = (names: Partial<NonNullable<Payload['logs']>>, features = {}) =>
    problemOf(logs, { logs: { backing: 'public/backing.log', live: LIVE, ...names }, features });

  it('may be any that an artifact may have', () => {
    expect(problem({})).toBeUndefined();
    expect(problem({ backing: 'a', live: 'b' })).toBeUndefined();
    expect(problemOf(logs, {})).toBeUndefined();
  });

  it.each([
    ['empty', '', 'its name is empty'],
    [
      'so long that no list could have it',
      `public/${'x/'.repeat(550)}y`,
      'its name has 1108 characters, more than 1,024',
    ],
    ['with a line break', 'public/a\nb', 'its name holds other characters than printable ASCII'],
  ])('may not be %s', (_, name, words) => {
    for (const property of ['backing', 'live'] as const) {
      expect(problem({ [property]: name })).toBe(`logs.${property} ${JSON.stringify(name)}: ${words}`);
    }
  });

  it('may not be the same, unless only one is needed', () => {
    expect(problem({ backing: LIVE })).toBe(
      `logs.backing and logs.live are both "${LIVE}": the log and the link to it need two names`,
    );
    expect(problem({ backing: LIVE }, { liveLog: false })).toBeUndefined();
    expect(problem({ backing: LIVE }, { backingLog: false })).toBeUndefined();
  });
});

describe('a switch', () => {
  it.each<Record<string, boolean>>([{}, { liveLog: true, backingLog: false }, { chainOfTrust: false }])(
    'is fine when it is there, or off: %j',
    features => {
      expect(problemOf(switches, { features })).toBeUndefined();
    },
  );

  it('that is on and not there makes the payload malformed, each one named', () => {
    const message = (name: string) =>
      `this task is attempting to use feature "${name}", which tcw does not support yet`;
    expect(problemOf(switches, { features: { interactive: true, liveLog: true, chainOfTrust: true } })).toBe(
      `${message('interactive')}\n${message('chainOfTrust')}`,
    );
    expect(problemOf(switches, { mounts: [{}] })).toBe(message('mounts'));
  });

  it('that the pool has switched off is named so, in the words of generic-worker', () => {
    const message = (name: string) =>
      `this task is attempting to use feature "${name}", but it's not enabled on this worker pool (proj-example/linux)`;
    const off = workerConfig({ enableInteractive: false, enableMounts: false });
    expect(
      problemOf(switches, { features: { interactive: true, chainOfTrust: true }, mounts: [{}] }, off),
    ).toBe(
      `${message('interactive')}\nthis task is attempting to use feature "chainOfTrust", which tcw does not support yet\n${message('mounts')}`,
    );
  });

  it('for mounts is off when there are none', () => {
    expect(problemOf(switches, { mounts: [] })).toBeUndefined();
  });
});
