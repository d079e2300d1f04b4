import { describe, expect, it } from 'vitest';
import { FEATURES } from '../../../src/worker/features/index.ts';
import type { Claim } from '../../../src/taskcluster/index.ts';
import { env } from '../../../src/worker/features/env.ts';
import { logNameCheck } from '../../../src/worker/features/logs.ts';
import { maxRunTime } from '../../../src/worker/features/max-run-time.ts';
import type { TaskSpec } from '../../../src/worker/task-spec.ts';
import { loopbackAudio, loopbackVideo } from '../../../src/worker/features/unavailable.ts';
import { featureHost } from './feature-host.ts';
import type { FeatureModule } from '../../../src/worker/features/index.ts';
import { taskSpec } from './task-spec.ts';

const CLAIM = { task: {} } as Claim;

/** The problem that one feature's check finds in a payload. */
async function problemOf(
  module: FeatureModule,
  change: Partial<TaskSpec>,
  config: Parameters<typeof featureHost>[0] = {},
) {
  const feature = await module.open(featureHost(config));
  try {
    feature.ask(taskSpec(change), CLAIM);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ name: 'TaskError', kind: 'malformed-payload' });
    return (error as Error).message;
  }
}

describe('the features', () => {
  it('have distinct names', async () => {
    const names = FEATURES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('an environment variable', () => {
  it('may have any name and value that the system accepts', async () => {
    expect(await problemOf(env, { env: { A: '', _b1: 'x=y', 'with-dash': 'x', ÄÖ: 'x' } })).toBeUndefined();
  });

  // `TASK_ID=x` would be another TASK_ID for programs that use the first match.
  it.each(['TASK_ID=x', '=', '', 'A\0B'])('may not be named %j', async name => {
    expect(await problemOf(env, { env: { A: 'x', [name]: 'x' } })).toBe(
      `no environment variable can be named ${JSON.stringify(name)}`,
    );
  });

  it('may not have a value with a NUL', async () => {
    expect(await problemOf(env, { env: { A: 'x\0y' } })).toBe('the environment variable "A" contains a NUL');
  });
});

describe('maxRunTime', () => {
  it('may be as long as the pool allows, but not longer', async () => {
    const config = { maxTaskRunTime: 3_600 };
    expect(await problemOf(maxRunTime, { maxRunTimeSecs: 3_600 }, config)).toBeUndefined();
    expect(await problemOf(maxRunTime, { maxRunTimeSecs: 3_601 }, config)).toBe(
      'maxRunTime of 3601 s is more than this worker pool allows (3600 s)',
    );
  });
});

describe('the configured names of a log', () => {
  const LIVE = 'public/logs/live.log';
  const problem = (names: object, switches = ['backingLog', 'liveLog']) =>
    problemOf(logNameCheck, {
      payload: { logs: { backing: 'public/backing.log', live: LIVE, ...names } },
      switches: new Set(switches),
    });

  it('may be any valid artifact name', async () => {
    expect(await problem({})).toBeUndefined();
    expect(await problem({ backing: 'a', live: 'b' })).toBeUndefined();
    expect(await problemOf(logNameCheck, {})).toBeUndefined();
  });

  it.each([
    ['empty', '', 'its name is empty'],
    [
      'so long that no list could have it',
      `public/${'x/'.repeat(550)}y`,
      'its name has 1108 characters, more than 1,024',
    ],
    ['with a line break', 'public/a\nb', 'its name contains characters other than printable ASCII'],
  ])('may not be %s', async (_, name, words) => {
    for (const property of ['backing', 'live'] as const) {
      expect(await problem({ [property]: name })).toBe(`logs.${property} ${JSON.stringify(name)}: ${words}`);
    }
  });

  it('may not be equal, unless only one is used', async () => {
    expect(await problem({ backing: LIVE })).toBe(
      `logs.backing and logs.live are both "${LIVE}": the log and the link to it need two names`,
    );
    expect(await problem({ backing: LIVE }, ['backingLog'])).toBeUndefined();
    expect(await problem({ backing: LIVE }, ['liveLog'])).toBeUndefined();
  });
});

describe('a feature that is enabled but does not exist', () => {
  it('makes the payload malformed, with its name', async () => {
    const message = (name: string) =>
      `this task is attempting to use feature "${name}", which only containers can have (capabilities.devices of a docker-worker payload)`;
    const on = { switches: new Set(['loopbackAudio', 'liveLog', 'loopbackVideo']) };
    for (const feature of [loopbackVideo, loopbackAudio])
      expect(await problemOf(feature, on)).toBe(message(feature.name));
  });
});
