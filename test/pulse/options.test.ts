import { describe, expect, it } from 'vitest';
import {
  binding,
  connect,
  ephemeralQueue,
  handle,
  namedQueue,
  PulseError,
  type NamedQueueOptions,
} from '../../src/pulse/index.ts';
import { connectToMemory } from '../../src/pulse/testing.ts';

/** Calls as a JavaScript program would, without a compiler. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const js = <T>(value: T): any => value;

const queue = namedQueue('a', { maxLength: 10 });
const bindings = [binding('exchange/tester/x', '#')];
const memory = () => js(connectToMemory());
const nothing = () => undefined;

const mistakes: readonly [name: string, call: () => unknown, message: string][] = [
  ['connect', () => js(connect)({ usr: 'me' }), 'connect has no option usr; did you mean user?'],
  ['connect', () => js(connect)({ something: 1 }), 'connect has no option something; its options are url, '],
  ['connect', () => js(connect)('amqp://h'), 'connect needs an object of options, not a string'],
  [
    'connect',
    () => js(connect)({ heartbeatSecs: '30' }),
    'connect: the option heartbeatSecs must be a number, not a string',
  ],
  ['connect', () => js(connect)({ backoff: { base: 1 } }), 'the option backoff has no option base; '],
  ['connect', () => js(connect)({ logger: {} }), 'connect: the option logger has no function debug'],
  [
    'publishBounds',
    () => js(connect)({ url: 'amqp://localhost', publishBounds: { message: 1 } }),
    'did you mean messages?',
  ],
  [
    'consume',
    () => memory().consume({ queue, bindings, prefech: 5 }),
    'has no option prefech; did you mean prefetch?',
  ],
  [
    'consume',
    () => memory().consume({ queue, bindings, prefetch: '5' }),
    'consume: the option prefetch must be a number, not a string',
  ],
  [
    'consume',
    () => memory().consume({ queue: 'a', bindings }),
    'the option queue must be an object, not a string',
  ],
  ['consume', () => memory().consume({ bindings }), 'consume needs the option queue, made by namedQueue(…)'],
  ['consume', () => memory().consume({ queue }), 'consume needs the option bindings'],
  [
    'consume',
    () => memory().consume({ queue, bindings: ['#'] }),
    'each entry of bindings must be made by binding(…)',
  ],
  [
    'consume',
    () => memory().consume({ queue, bindings, onBadMessage: 'drop' }),
    'onBadMessage must be ack, reject, requeue',
  ],
  ['watch', () => memory().consume({ queue, bindings, watch: { depht: 1 } }), 'did you mean depth?'],
  [
    'messages',
    () => memory().messages({ queue, bindings, signl: 1 }),
    'messages has no option signl; did you mean signal?',
  ],
  [
    'messages',
    () => memory().messages({ queue, bindings, ack: 'always' }),
    'the option ack must be auto or manual',
  ],
  ['handle', () => memory().handle({ queue, bindings, concurency: 5 }, nothing), 'did you mean concurrency?'],
  [
    'handle',
    () => memory().handle({ queue, bindings, timeoutMs: '5' }, nothing),
    'timeoutMs must be a number, not a string',
  ],
  ['handle', () => memory().handle({ queue, bindings }), 'handle needs a handler, which is a function'],
  ['handle', () => js(handle)(nothing, { retrys: 5 }), 'handle has no option retrys; did you mean retry?'],
  [
    'handle',
    () => js(handle)(nothing, { retry: { attempt: 5 } }),
    'the option retry has no option attempt; did you mean attempts?',
  ],
  ['handle', () => js(handle)(nothing, { batch: { size: 0 } }), 'batch.size is 0; it must be a whole number'],
  ['handle', () => js(handle)(nothing, { batch: { sise: 5 } }), 'did you mean size?'],
  [
    'handle',
    () => js(handle)(nothing, { batch: { size: 5 }, around: nothing }),
    'around is not available with batch',
  ],
  [
    'publish',
    () => memory().publish('exchange/tester/x', 'k', 1, { mandatry: true }),
    'publish has no option mandatry; did you mean mandatory?',
  ],
  [
    'publish',
    () => memory().publish('exchange/tester/x', 'k', 1, { deadlineMs: '1' }),
    'deadlineMs must be a number, not a string',
  ],
  [
    'publisher',
    () => memory().publisher('exchange/tester/x', { schemas: {} }),
    'publisher has no option schemas; did you mean schema?',
  ],
  ['ready', () => memory().ready({ timeout: 5 }), 'ready has no option timeout; did you mean timeoutMs?'],
  ['close', () => memory().close({ deadline: 5 }), 'close has no option deadline; did you mean deadlineMs?'],
  ['binding', () => js(binding)('exchange/a/b', '#', undefined, { dialct: 'bare' }), 'did you mean dialect?'],
  ['binding', () => js(binding)('exchange/a/b', '#', { dialect: 'bare' }), 'options are the fourth argument'],
  [
    'binding',
    () => js(binding)('exchange/a/b', '#', undefined, { dialect: 'json' }),
    'dialect must be one of bare',
  ],
  ['namedQueue', () => js(namedQueue)('a'), "namedQueue('a', …) needs an object of options, not undefined"],
  ['namedQueue', () => js(namedQueue)('a', {}), "namedQueue('a', …) needs a maxLength"],
  ['namedQueue', () => js(namedQueue)('', { maxLength: 1 }), 'namedQueue needs a name that is not empty'],
  ['namedQueue', () => js(namedQueue)({ maxLength: 1 }), 'namedQueue needs a name, which is a string'],
  [
    'namedQueue',
    () => namedQueue('queue/me/a', { maxLength: 1 }),
    "leave out the prefix, which is added by itself: namedQueue('a')",
  ],
  [
    'namedQueue',
    () => js(namedQueue)('a', { maxLength: '100' }),
    'the option maxLength must be a number, not a string',
  ],
  [
    'namedQueue',
    () => js(namedQueue)('a', { maxlength: 100 }),
    'has no option maxlength; did you mean maxLength?',
  ],
  [
    'namedQueue',
    () => namedQueue('a', js({ maxLength: 1, overflow: 'drop' }) as NamedQueueOptions),
    'overflow of queue a must be',
  ],
  [
    'deadLetter',
    () => js(namedQueue)('a', { maxLength: 1, deadLetter: { max: 1 } }),
    'deadLetter of queue a has no option max',
  ],
  ['ephemeralQueue', () => js(ephemeralQueue)('a', { maxLenght: 1 }), 'did you mean maxLength?'],
];

describe('a mistake in options is refused when the call is made', () => {
  it.each(mistakes)('%s: %#', async (_, call, message) => {
    const error: unknown = await (async () => call())().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PulseError);
    expect(error).toMatchObject({ kind: 'invalid', message: expect.stringContaining(message) });
  });

  it('tryPublish returns it as a result', async () => {
    const result: unknown = await memory().tryPublish('exchange/tester/x', 'k', 1, { routs: [] });
    expect(result).toMatchObject({ status: 'refused', error: { kind: 'invalid' } });
  });

  it('shows no value, which may be a secret', () => {
    expect(() => js(connect)({ password: ['s3cr3t'] })).toThrow(
      /^connect: the option password must be a string or a Secret, not an array$/,
    );
  });

  it('an option that is undefined counts as left out', () => {
    expect(() => namedQueue('a', { maxLength: 1, expiresMs: undefined })).not.toThrow();
  });
});
