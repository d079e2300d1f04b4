import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';

import {
  exchanges,
  githubExchanges,
  hooksExchanges,
  notifyExchanges,
  queueExchanges,
  type AnyExchange,
} from '../../src/exchanges/index.ts';
import { MAX_ROUTING_KEY_BYTES, PulseError } from '../../src/pulse/index.ts';

/** A word that stands for itself: no wildcard, and not the `_` of a part that is not known. */
const word = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter(text => !text.includes('.') && !['*', '#', '_'].includes(text));
const words = fc.array(word, { minLength: 1, maxLength: 4 }).map(list => list.join('.'));

/** The parts of a routing key of an exchange, with those that are optional there or not. */
function partsOf({ routingKey }: AnyExchange): fc.Arbitrary<Record<string, string>> {
  const chosen = routingKey.filter(part => part.constant === undefined);
  return fc.record(Object.fromEntries(chosen.map(part => [part.name, part.multipleWords ? words : word])), {
    requiredKeys: chosen.filter(part => part.required).map(part => part.name),
    noNullPrototype: true,
  });
}

function invalid(words: string): unknown {
  return expect.objectContaining({
    name: 'PulseError',
    kind: 'invalid',
    message: expect.stringContaining(words),
  });
}

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe.each(exchanges.map(exchange => [exchange.exchange, exchange] as const))('%s', (_, exchange) => {
  it('parses the parts from which a routing key was built, up to 255 bytes', () => {
    fc.assert(
      fc.property(partsOf(exchange), parts => {
        const constants = exchange.routingKey.map(part => part.constant ?? parts[part.name] ?? '_');
        if (Buffer.byteLength(constants.join('.')) > MAX_ROUTING_KEY_BYTES) {
          expect(() => exchange.build(parts)).toThrow('too long');
        } else {
          expect(exchange.parse(exchange.build(parts))).toStrictEqual(parts);
        }
      }),
    );
  });

  it('parses any other text consistently, or says that it does not match', () => {
    const text = fc.array(fc.constantFrom('primary', '_', 'a', 'route', ''), { maxLength: 12 });
    fc.assert(
      fc.property(text, words => {
        const read = () => exchange.parse(words.join('.'));
        const error = thrownBy(read);
        if (error === undefined) expect(exchange.parse(exchange.build(read()))).toStrictEqual(read());
        else expect(error).toEqual(invalid('does not fit'));
      }),
    );
  });
});

describe('a routing key', () => {
  const task = {
    taskId: 'Wq3cJ8DbQ0eHkZ5uYt1mPA',
    provisionerId: 'proj-example',
    workerType: 'linux',
    schedulerId: 'example',
    taskGroupId: 'Wq3cJ8DbQ0eHkZ5uYt1mPA',
  };

  it('contains the parts of a task in order, and _ for unknown ones', () => {
    const key = queueExchanges.taskPending.build({ ...task, runId: 0 });
    expect(key).toBe(
      'primary.Wq3cJ8DbQ0eHkZ5uYt1mPA.0._._.proj-example.linux.example.Wq3cJ8DbQ0eHkZ5uYt1mPA._',
    );
    expect(queueExchanges.taskPending.parse(key)).toStrictEqual({ ...task, runId: '0' });
  });

  it('has typed parts: required ones are always present, the others may be absent', () => {
    const parts = queueExchanges.taskException.parse(queueExchanges.taskException.build(task));
    expectTypeOf(parts.taskId).toEqualTypeOf<string>();
    expectTypeOf(parts.runId).toEqualTypeOf<string | undefined>();
    expectTypeOf(parts).not.toHaveProperty('routingKeyKind');
    expectTypeOf(queueExchanges.taskRunning.parse).returns.toHaveProperty('workerId').toEqualTypeOf<string>();
  });

  it('preserves reserved words that a later Taskcluster uses', () => {
    const key = `${queueExchanges.taskPending.build({ ...task, runId: 0 }).slice(0, -1)}new.words`;
    expect(queueExchanges.taskPending.parse(key).reserved).toBe('new.words');
    expect(hooksExchanges.hookCreated.parse('_')).toStrictEqual({});
  });

  it('may omit the reserved words', () => {
    const key = queueExchanges.taskPending.build({ ...task, runId: 0 });
    expect(queueExchanges.taskPending.parse(key.slice(0, -'._'.length))).toStrictEqual({
      ...task,
      runId: '0',
    });
  });

  it('has at most 255 bytes', () => {
    const topic = 'é'.repeat((MAX_ROUTING_KEY_BYTES - 'primary.'.length - 1) / 2);
    expect(Buffer.byteLength(notifyExchanges.notify.build({ topic: `${topic}x` }))).toBe(
      MAX_ROUTING_KEY_BYTES,
    );
    expect(thrownBy(() => notifyExchanges.notify.build({ topic: `${topic}xx` }))).toEqual(
      invalid('256 bytes'),
    );
  });

  it.each<[string, () => unknown, string]>([
    ['lacks a required part', () => queueExchanges.taskPending.build({ ...task } as never), 'needs runId'],
    [
      'has a dot in a part of one word',
      () => queueExchanges.taskPending.build({ ...task, runId: '0.1' }),
      'a dot: 0.1',
    ],
    ['has an empty part', () => queueExchanges.taskPending.build({ ...task, runId: '' }), 'runId is empty'],
    [
      'has a part of another exchange',
      () => githubExchanges.push.build({ taskId: 'x' } as never),
      'no part taskId',
    ],
    [
      'has a misspelt part',
      () => queueExchanges.taskFailed({ taskID: 'x' } as never),
      'no part taskID that you can give; did you mean taskId?',
    ],
    [
      'has a part of null',
      () => queueExchanges.taskFailed({ taskId: null } as never),
      'taskId must be a string or a whole number',
    ],
    ['is made of null', () => queueExchanges.taskFailed(null as never), 'must be an object'],
    ['is a route', () => queueExchanges.taskPending.parse('route.index.example'), 'not a primary key'],
    ['is too short', () => githubExchanges.push.parse('primary.mozilla'), 'has no repository'],
    ['is too long', () => githubExchanges.push.parse('primary.mozilla.x.y.z'), 'goes on with y.z'],
    ['is empty', () => githubExchanges.push.parse(''), 'is empty'],
  ])('is refused if it %s', (_, action, words) => {
    const error = thrownBy(action);
    expect(error).toBeInstanceOf(PulseError);
    expect(error).toEqual(invalid(words));
  });
});
