import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FEATURES } from '../../../src/worker/features/index.ts';
import { TaskError } from '../../../src/worker/outcome.ts';

import { mergeParts, payloadProblems, payloadSchema } from '../../../src/worker/features/payload-schema.ts';
import { readPayload } from '../../../src/worker/run/read-payload.ts';
import { memoryLog } from './memory-log.ts';

const TASK_ID = 'Wq3cJ8DbQ0eHkZ5uYt1mPA';
const VALID = { command: [['true']], maxRunTime: 60 };

/** The problems of a payload, which is valid but for a change. */
const problemsOf = (change: object) => payloadProblems({ ...VALID, ...change });

describe('the schema of payloads', () => {
  it('is a closed one, made of the engine’s part and that of each feature', () => {
    const schema = payloadSchema() as {
      properties: object;
      required: string[];
      additionalProperties: unknown;
    };
    expect(schema.additionalProperties).toBe(false);
    expect(schema.required.sort()).toEqual(['command', 'maxRunTime']);
    expect(Object.keys(schema.properties)).toEqual(
      expect.arrayContaining(['command', 'env', 'artifacts', 'logs']),
    );
  });

  it('has a part for each feature', () => {
    for (const { schema } of FEATURES) expect(() => mergeParts([schema])).not.toThrow();
  });

  it('can not have two parts that claim the same property: a mistake that is found at the start', () => {
    expect(() => mergeParts(['native', 'env', 'native'])).toThrow(
      'two parts of the payload schema have a property "command"',
    );
  });
});

describe('a problem of a payload', () => {
  it.each<[string, object, string]>([
    ['a missing command', { command: undefined }, '/command is missing'],
    ['a missing time', { maxRunTime: undefined }, '/maxRunTime is missing'],
    ['a time that is no number', { maxRunTime: '60' }, '/maxRunTime must be integer'],
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
    ['a variable that is no text', { env: { A: 1 } }, '/env/A must be string'],
    ['an unknown property', { image: 'debian' }, '/image is not a known property'],
    ['an unknown feature', { features: { magic: true } }, '/features/magic is not a known property'],
    ['a feature that is no switch', { features: { liveLog: 'yes' } }, '/features/liveLog must be boolean'],
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
    [
      'groups, which this engine has none of',
      { osGroups: ['docker'] },
      '/osGroups must NOT have more than 0 items',
    ],
    ['a name with the signs of a path', { 'a/b~c': 1 }, '/a~1b~0c is not a known property'],
  ])('is named by its path: %s', (_, change, problem) => {
    const payload = JSON.parse(JSON.stringify({ ...VALID, ...change })) as unknown;
    expect(payloadProblems(payload)).toEqual([problem]);
  });

  it('comes with all the others', () => {
    expect(problemsOf({ maxRunTime: 'x', env: { A: 1, B: 2 }, x: 1 }).sort()).toEqual([
      '/env/A must be string',
      '/env/B must be string',
      '/maxRunTime must be integer',
      '/x is not a known property',
    ]);
  });

  it.each([[null], [[]], ['text'], [1]])('may be the whole: %j', payload => {
    expect(payloadProblems(payload)).toEqual(['/ must be object']);
  });

  it('may be a name that a comparison of lists would call', () => {
    const artifact = { type: 'file', path: 'x', toString: 0 };
    expect(problemsOf({ artifacts: [artifact, { ...artifact }] })).toEqual([
      '/artifacts/0/toString is not a known property',
      '/artifacts/1/toString is not a known property',
      '/artifacts must NOT have duplicate items (items ## 0 and 1 are identical)',
    ]);
  });

  it('is found in any JSON, and never thrown', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(Array.isArray(payloadProblems(structuredClone(value)))).toBe(true);
        expect(Array.isArray(problemsOf({ env: value, features: value, artifacts: value }))).toBe(true);
      }),
    );
  });
});

describe('reading a payload', () => {
  it('fills its defaults in, and leaves the task as it was', () => {
    const given = { ...VALID, artifacts: [{ type: 'file', path: 'x' }], logs: {}, features: {} };
    const before = structuredClone(given);
    const payload = readPayload(given, TASK_ID, memoryLog());
    expect(payload.artifacts).toEqual([{ type: 'file', path: 'x', optional: false }]);
    expect(payload.logs).toEqual({ backing: 'public/logs/live_backing.log', live: 'public/logs/live.log' });
    expect(payload.features).toMatchObject({ backingLog: true, liveLog: true });
    expect(given).toEqual(before);
  });

  it('says nothing in the log of a payload that is valid', () => {
    const log = memoryLog();
    readPayload(VALID, TASK_ID, log);
    expect(log.lines).toEqual([]);
  });

  it('ends a run whose payload is not valid, with the schema and every problem in the log', () => {
    const log = memoryLog();
    let error: unknown;
    try {
      readPayload({ command: 'true', image: 'x' }, TASK_ID, log);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(TaskError);
    expect(error).toMatchObject({
      kind: 'malformed-payload',
      message: `validation of payload failed for task ${TASK_ID}`,
    });
    const [title, schema = '', verdict, ...problems] = log.lines;
    expect(title).toBe('error: Task payload for this worker type must conform to the following jsonschema:');
    expect(JSON.parse(schema.replace(/^error: /, ''))).toEqual(payloadSchema());
    expect(verdict).toBe('error: TASK FAIL since the task payload is invalid. See errors:');
    expect(problems.sort()).toEqual([
      'error: - /command must be array',
      'error: - /image is not a known property',
      'error: - /maxRunTime is missing',
    ]);
  });
});
