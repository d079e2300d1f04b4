import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FEATURES } from '../../../src/worker/features/index.ts';

import { validator } from '../../../src/base/index.ts';
import { payloadSchema } from '../../../src/worker/payload-schema.ts';
import { payloadsOf } from '../../../src/worker/payloads/index.ts';
import { mergeSchema } from '../../../src/worker/payloads/merge-schema.ts';

const payloads = payloadsOf(['generic-worker'], FEATURES);
const payloadProblems = validator(payloadSchema('generic-worker'), {
  fillDefaults: true,
  bestBranches: true,
});
const VALID = { command: [['true']], maxRunTime: 60 };

/** The problems of a payload that is valid except for a change. */
const problemsOf = (change: object) => payloadProblems({ ...VALID, ...change });

describe('the schema of payloads', () => {
  it('is closed, and made of the parts of the engine and of each feature', () => {
    const schema = payloadSchema('generic-worker') as {
      properties: object;
      required: string[];
      additionalProperties: unknown;
    };
    expect(schema.additionalProperties).toBe(false);
    expect(schema.required).toEqual(['maxRunTime']);
    expect(Object.keys(schema.properties)).toEqual(
      expect.arrayContaining(['command', 'env', 'artifacts', 'logs']),
    );
  });

  it('cannot have two parts that define the same property, which is an error at the start', () => {
    const one = { properties: { env: { type: 'object' } } };
    expect(() =>
      mergeSchema('x', [
        ['a', one],
        ['b', one],
      ]),
    ).toThrow('a and b both have a payload property /env');
    const inside = {
      properties: { features: { type: 'object', properties: { mine: { type: 'boolean' } } } },
    };
    expect(() =>
      mergeSchema('x', [
        ['a', inside],
        ['b', inside],
      ]),
    ).toThrow('a and b both have a payload property /features/mine');
  });

  it('may have parts that add different properties to the same object', () => {
    const part = (name: string) => ({
      properties: { features: { type: 'object', properties: { [name]: { type: 'boolean' } } } },
    });
    expect(
      mergeSchema('x', [
        ['a', part('one')],
        ['b', part('two')],
        ['c', part('three')],
      ]),
    ).toMatchObject({
      properties: {
        features: { properties: { one: {}, two: {}, three: {} } },
      },
    });
  });
});

describe('parts that share an object', () => {
  const part = (name: string, more: object = {}) => ({
    properties: { features: { type: 'object', properties: { [name]: { type: 'boolean' } }, ...more } },
  });
  const merged = (...parts: ReturnType<typeof part>[]) =>
    validator(
      mergeSchema(
        'x',
        parts.map((each, at) => [`part${at}`, each] as const),
      ),
    );

  it('keep the properties that each requires', () => {
    const problems = merged(
      part('one'),
      part('two', { required: ['two'] }),
      part('three', { required: ['three'] }),
    );
    expect(problems({ features: { two: true } })).toEqual(['/features/three is missing']);
    expect(problems({ features: { two: true, three: true } })).toEqual([]);
    expect(problems({})).toEqual([]);
  });

  it('are closed if one of them is', () => {
    const problems = merged(part('one'), part('two', { additionalProperties: false }), part('three'));
    expect(problems({ features: { one: true, three: true } })).toEqual([]);
    expect(problems({ features: { four: true } })).toEqual(['/features/four is not a known property']);
  });

  it.each([{ maxProperties: 1 }, { additionalProperties: { type: 'boolean' } }])(
    'cannot have what would be lost: %j',
    keyword => {
      const special = part('two', keyword);
      for (const parts of [
        [part('one'), special],
        [special, part('one')],
      ]) {
        const message = `has "${Object.keys(keyword)[0]}" in the payload property /features, which others share`;
        expect(() => merged(...parts)).toThrow(message);
      }
    },
  );

  it('cannot define the same property, at any depth', () => {
    const deep = (type: string) => {
      const inside = { type: 'object', properties: { deep: { type } } };
      return { properties: { features: { type: 'object', properties: { one: inside } } } };
    };
    const parts = [
      ['a', deep('string')],
      ['b', deep('boolean')],
    ] as const;
    expect(() => mergeSchema('x', parts)).toThrow('a and b both have a payload property /features/one/deep');
  });
});

describe('a problem in a payload', () => {
  it.each<[string, object, string]>([
    ['a missing time', { maxRunTime: undefined }, '/maxRunTime is missing'],
    ['a time that is not a number', { maxRunTime: '60' }, '/maxRunTime must be integer'],
    ['no time at all', { maxRunTime: 0 }, '/maxRunTime must be >= 1'],
    ['a part of a second', { maxRunTime: 1.5 }, '/maxRunTime must be integer'],
    ['no command', { command: [] }, '/command must NOT have fewer than 1 items'],
    ['a command of docker-worker', { command: ['true'] }, '/command/0 must be array'],
    [
      'a command without a program',
      { command: [['true'], []] },
      '/command/1 must NOT have fewer than 1 items',
    ],
    ['a number among the words', { command: [['true', 1]] }, '/command/0/1 must be string'],
    ['a variable that is not a string', { env: { A: 1 } }, '/env/A must be string'],
    ['an unknown property', { image: 'debian' }, '/image is not a known property'],
    ['an unknown feature', { features: { magic: true } }, '/features/magic is not a known property'],
    [
      'a feature that is not a boolean',
      { features: { liveLog: 'yes' } },
      '/features/liveLog must be boolean',
    ],
    ['an artifact without a path', { artifacts: [{ type: 'file' }] }, '/artifacts/0/path is missing'],
    [
      'an artifact of no known kind',
      { artifacts: [{ type: 'volume', path: 'x' }] },
      '/artifacts/0/type must be one of "file", "directory"',
    ],
    [
      'an artifact with no date to expire at',
      { artifacts: [{ type: 'file', path: 'x', expires: 'soon' }] },
      '/artifacts/0/expires must match format "date-time"',
    ],
    ['a retry on success', { onExitStatus: { retry: [0] } }, '/onExitStatus/retry/0 must be >= 1'],
    ['a group without a name', { osGroups: [1] }, '/osGroups/0 must be string'],
    [
      'a mount with a wrong digest, and not what else it could have been',
      { mounts: [{ file: 'x', content: { url: 'https://example.com/x', sha256: 'abc' } }] },
      '/mounts/0/content/sha256 must match pattern "^[a-f0-9]{64}$"',
    ],
    ['a cache without a directory', { mounts: [{ cacheName: 'c' }] }, '/mounts/0/directory is missing'],
    [
      'a mount from nowhere',
      { mounts: [{ file: 'x', content: { artifact: 'public/x' } }] },
      '/mounts/0/content/taskId is missing',
    ],
    ['a name with the signs of a path', { 'a/b~c': 1 }, '/a~1b~0c is not a known property'],
  ])('has the path of its property: %s', (_, change, problem) => {
    const payload = JSON.parse(JSON.stringify({ ...VALID, ...change })) as unknown;
    expect(payloadProblems(payload)).toEqual([problem]);
  });

  it('is reported together with all others', () => {
    expect(problemsOf({ maxRunTime: 'x', env: { A: 1, B: 2 }, x: 1 }).sort()).toEqual([
      '/env/A must be string',
      '/env/B must be string',
      '/maxRunTime must be integer',
      '/x is not a known property',
    ]);
  });

  it.each([[null], [[]], ['text'], [1]])('may concern the whole payload: %j', payload => {
    expect(payloadProblems(payload)).toEqual(['/ must be object']);
  });

  it('may concern a property called toString', () => {
    const artifact = { type: 'file', path: 'x', toString: 0 };
    expect(problemsOf({ artifacts: [artifact, { ...artifact }] })).toEqual([
      '/artifacts/0/toString is not a known property',
      '/artifacts/1/toString is not a known property',
      '/artifacts must NOT have duplicate items (items ## 0 and 1 are identical)',
    ]);
  });

  it('is found in any JSON value, and never thrown', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(Array.isArray(payloadProblems(structuredClone(value)))).toBe(true);
        expect(Array.isArray(problemsOf({ env: value, features: value, artifacts: value }))).toBe(true);
      }),
    );
  });
});

describe('reading a payload', () => {
  it('fills in its defaults, and leaves the task unchanged', () => {
    const given = { ...VALID, artifacts: [{ type: 'file', path: 'x' }], logs: {}, features: {} };
    const before = structuredClone(given);
    const { task, problems } = payloads.read(given);
    expect(problems).toEqual([]);
    expect(task.artifacts).toEqual([{ type: 'file', path: 'x', optional: false }]);
    expect(task.logs).toEqual({ backing: 'public/logs/live_backing.log', live: 'public/logs/live.log' });
    expect([...task.switches].sort()).toEqual(['backingLog', 'liveLog', 'resourceMonitor']);
    expect(given).toEqual(before);
  });

  it('that is invalid reports every problem, and keeps the valid parts', () => {
    const { task, problems } = payloads.read({
      command: 'true',
      image: 'x',
      osGroups: ['docker'],
      artifacts: [{ type: 'file', path: 'kept' }, { type: 'tape', path: 'x' }, 7],
      features: { taskclusterProxy: true, chainOfTrust: 'yes' },
    });
    expect([...problems].sort()).toEqual([
      '/artifacts/1/type must be one of "file", "directory"; it is "tape"',
      '/artifacts/2 must be object; it is 7',
      '/command must be array; it is "true"',
      '/features/chainOfTrust must be boolean; it is "yes"',
      '/image makes this a payload of docker-worker, and no engine of this worker runs containers',
      '/maxRunTime is missing',
    ]);
    expect(task).toMatchObject({ commands: [], osGroups: ['docker'], artifacts: [{ path: 'kept' }] });
    expect(task.switches).toContain('taskclusterProxy');
    expect(task.switches).not.toContain('chainOfTrust');
  });

  it.each([
    [{ maxRunTime: '60' }, '/maxRunTime must be integer; it is "60"'],
    [{ maxRunTime: 0 }, '/maxRunTime must be >= 1; it is 0'],
    [{ maxRunTime: null }, '/maxRunTime must be integer; it is null'],
    [{ command: {} }, '/command must be array; it is an object'],
    [{ command: [] }, '/command must NOT have fewer than 1 items'],
    [{ osGroups: [['a']] }, '/osGroups/0 must be string; it is an array'],
    [{ logs: { 'a/b': 1 } }, '/logs/a~1b is not a known property'],
    [
      { features: { liveLog: 'x'.repeat(100) } },
      `/features/liveLog must be boolean; it is "${'x'.repeat(60)}…"`,
    ],
    [
      { features: { liveLog: 'https://me:SECRET@host\n' } },
      '/features/liveLog must be boolean; it is "https://[redacted]@host\\n"',
    ],
    [
      { features: { liveLog: 'https://TOKEN@host/?access_token=SECRET' } },
      '/features/liveLog must be boolean; it is "https://[redacted]@host/?[redacted]"',
    ],
    // Logs are often public.
    [{ env: { PIN: 1234 } }, '/env/PIN must be string'],
    [{ encryptedEnv: [1234] }, '/encryptedEnv/0 must be string'],
    [
      { features: { generateCertificate: true } },
      '/features/generateCertificate is retired: use features.chainOfTrust',
    ],
  ])('shows the wrong value, but not that of a variable: %j', (change, problem) => {
    expect(payloads.read({ ...VALID, ...change }).problems).toEqual([problem]);
  });

  it('that is invalid has no public log if the name of the log is invalid', () => {
    const { task } = payloads.read({ ...VALID, logs: { backing: 7 } });
    expect(task.logs.backing).toBe('private/logs/live_backing.log');
  });

  it('keeps nothing of a value that is not a payload', () => {
    for (const [value, shown] of [
      [null, 'null'],
      [7, '7'],
      ['x', '"x"'],
      [true, 'true'],
      [[VALID], 'an array'],
    ]) {
      const { task, problems } = payloads.read(value);
      expect(problems).toEqual([`/ must be object; it is ${shown as string}`]);
      expect(task).toMatchObject({ commands: [], artifacts: [], osGroups: [] });
    }
  });

  it('that is very large is fast', () => {
    const begun = performance.now();
    payloads.read({
      ...VALID,
      env: Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`N${n}`, n])),
    });
    expect(performance.now() - begun).toBeLessThan(5_000);
  });
});

describe('a payload of generic-worker with a property of docker-worker', () => {
  it.each<[object, string]>([
    [{ cache: { a: '/a' } }, "/cache is docker-worker's: use mounts, with cacheName and directory"],
    [{ capabilities: {} }, "/capabilities is docker-worker's: it is for containers; leave it out"],
    [{ log: 'public/log' }, "/log is docker-worker's: use logs.live and logs.backing"],
    [
      { features: { localLiveLog: false } },
      "/features/localLiveLog is docker-worker's: use features.liveLog",
    ],
    [
      { features: { relengAPIProxy: true } },
      '/features/relengAPIProxy is retired: call services through features.taskclusterProxy',
    ],
    [{ extra: {} }, '/extra belongs beside the payload: move it to task.extra'],
    [
      { artifacts: { 'public/x': { type: 'file', path: 'x' } } },
      "/artifacts is a map, as docker-worker's is: use a list of objects with type, path and name",
    ],
    [
      { command: ['sh', '-c', 'true'] },
      '/command is a list of strings, as in payloads of docker-worker, and of generic-worker for Windows: use a list of commands, [["sh", "-c", "…"]]',
    ],
  ])('%j has a message with the equivalent, once', (change, problem) => {
    expect(payloads.read({ ...VALID, ...change }).problems).toEqual([problem]);
  });
});

describe('an unknown property of a payload', () => {
  it.each<[object, string]>([
    [{ artefacts: [] }, '/artefacts is not a known property; did you mean artifacts?'],
    [{ features: { liveLgo: true } }, '/features/liveLgo is not a known property; did you mean liveLog?'],
    [
      { artifacts: [{ type: 'file', path: 'x', expiers: 'x' }] },
      '/artifacts/0/expiers is not a known property; did you mean expires?',
    ],
    [{ features: { timeTravel: true } }, '/features/timeTravel is not a known property'],
    [{ 'a/b~c': 1 }, '/a~1b~0c is not a known property'],
  ])('%j has a message with the most similar known one', (change, problem) => {
    expect(payloads.read({ ...VALID, ...change }).problems).toEqual([problem]);
  });

  it('is reported with its path, whatever its name is', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('', 'features'), (name, place) => {
        const surplus = place === '' ? { [name]: 1 } : { [place]: { [name]: 1 } };
        for (const problem of payloads.read(JSON.parse(JSON.stringify({ ...VALID, ...surplus }))).problems)
          expect(problem).toMatch(/^\/[^]* /);
      }),
    );
  });
});

it('half of a surrogate pair in a payload is U+FFFD, as in generic-worker', () => {
  const { task, problems } = payloads.read({
    ...VALID,
    command: [['echo', 'a\ud83d']],
    env: { 'A\ude00': '\ud83d\ude00' },
    artifacts: [{ type: 'file', path: '\ud83d', name: 'public/x' }],
  });
  expect(problems).toEqual([]);
  expect(task).toMatchObject({
    commands: [{ argv: ['echo', 'a\ufffd'] }],
    env: { 'A\ufffd': '\u{1f600}' },
    artifacts: [{ path: '\ufffd' }],
  });
});

it('a payload that is nested too deeply is malformed', () => {
  const nest = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as unknown;
  expect(() => payloads.read({ ...VALID, env: nest })).toThrow('the payload is nested too deeply');
});
