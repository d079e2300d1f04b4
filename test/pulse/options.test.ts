import { lastValueFrom, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  binding,
  connect,
  deadLetterQueue,
  endpointFrom,
  ephemeralQueue,
  handle,
  managementBindings,
  namedQueue,
  PulseError,
  retryLater,
  type NamedQueueOptions,
} from '../../src/pulse/index.ts';
import { connectToMemory } from '../../src/pulse/testing.ts';

/** Calls as a JavaScript program would, without a compiler. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const js = <T>(value: T): any => value;

const url = 'amqp://127.0.0.1:1';
const queue = namedQueue('a', { maxLength: 10 });
const bindings = [binding('exchange/tester/x', '#')];
const memory = () => js(connectToMemory());
const nothing = () => undefined;

const mistakes: readonly (readonly [name: string, call: () => unknown, message: string])[] = [
  ['connect', () => js(connect)({ usr: 'me' }), 'connect has no option usr; did you mean user?'],
  ['connect', () => js(connect)({ something: 1 }), 'connect has no option something; its options are url, '],
  ['connect', () => js(connect)('amqp://h'), 'connect needs an object of options, not a string'],
  [
    'connect',
    () => js(connect)({ heartbeatSecs: '30' }),
    'connect: the option heartbeatSecs must be a number, not a string',
  ],
  [
    'connect',
    () => js(connect)({ backoff: { base: 1 } }),
    'connect: the option backoff has no option base; did you mean baseMs?',
  ],
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
  [
    'namedQueue',
    () => js(namedQueue)({ maxLength: 1 }),
    'namedQueue needs a name first, which is a string, not an object',
  ],
  [
    'namedQueue',
    () => namedQueue('queue/me/a', { maxLength: 1 }),
    "leave out the prefix, which is added automatically: namedQueue('a')",
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
    "namedQueue('a', …): the option deadLetter has no option max",
  ],
  ['ephemeralQueue', () => js(ephemeralQueue)('a', { maxLenght: 1 }), 'did you mean maxLength?'],
  ['namedQueue', () => namedQueue('x'.repeat(256), { maxLength: 1 }), 'queue name of 256 bytes is too long'],

  ['connect', () => js(connect)({ url, backoff: { baseMS: 1, capMs: 2 } }), 'did you mean baseMs?'],
  [
    'connect',
    () => js(connect)({ url, backoff: { baseMs: 1 } }),
    'backoff is 1 to undefined ms; baseMs and capMs must both be from 0 to',
  ],
  ['connect', () => connect({ url, backoff: { baseMs: 1, capMs: Infinity } }), 'backoff is 1 to Infinity ms'],
  ['connect', () => connect({ url, heartbeatSecs: 100_000 }), 'heartbeatSecs is 100000; it must be at most'],
  ['connect', () => js(connect)({ url, transport: {} }), 'the option transport has no function connect'],
  ['connect', () => js(connect)({ url, signal: { aborted: false } }), 'signal must be an AbortSignal'],
  ['connect', () => js(connect)({ url, env: { PULSE_PASSWORD: 5 } }), 'must be a string, not a number'],
  ['endpointFrom', () => js(endpointFrom)({ ulr: url }), 'endpointFrom has no option ulr; did you mean url?'],
  ['endpointFrom', () => js(endpointFrom)({ url: 5 }), 'the option url must be a string or a Secret'],
  ['endpointFrom', () => js(endpointFrom)(null), 'endpointFrom needs an object of options, not null'],
  ['ready', () => memory().ready({ timeoutMs: NaN }), 'ready: the option timeoutMs is NaN; it must be'],
  ['ready', () => memory().ready({ timeoutMs: -1 }), 'timeoutMs is -1; it must be at least 0'],
  ['close', () => memory().close(NaN), 'close: the option deadlineMs is NaN; it must be at least 0'],
  ...[NaN, 0, -1].map(
    everyMs =>
      [
        'watch',
        () => memory().handle({ queue, bindings, watch: { everyMs } }, nothing),
        `watch.everyMs is ${everyMs}; it must be at least 1`,
      ] as const,
  ),
  [
    'handle',
    () => js(handle)(nothing, { retry: { backoff: { baseMS: 5, capMs: 10 } } }),
    'handle: the option retry.backoff has no option baseMS; did you mean baseMs?',
  ],
  [
    'handle',
    () => js(handle)(nothing, { retry: { attempts: '5' } }),
    'handle: the option retry.attempts must be a number, not a string',
  ],
  ['retryLater', () => js(retryLater)('5'), 'retryLater: the delay is 5; it must be a number of ms'],
  ['binding', () => js(binding)('exchange/a/b', 5), 'pattern must be a string, not a number'],
  ['binding', () => js(binding)('exchange/a/b', '#', null), 'must be a JSON schema or a function, not null'],
  [
    'binding',
    () => js(binding)('exchange/a/b', '#', []),
    'must be a JSON schema or a function, not an array',
  ],
  [
    'publish',
    () => memory().publish('exchange/tester/x', 'k', 1, { dialect: 'json' }),
    'publish: the option dialect must be one of bare, mozillapulse, payload',
  ],
  [
    'publish',
    () => memory().publish('exchange/tester/x', 'k', 1, { schema: () => 5 }),
    'its schema, a function, must return an array of problems',
  ],
  [
    'publish',
    () => memory().publish('exchange/tester/x', 'k', 1, { signal: { aborted: false } }),
    'AbortSignal',
  ],
  [
    'publisher',
    () => memory().publisher('exchange/tester/x', { dialect: 'json' }),
    'publisher: the option dialect must be one of',
  ],
  [
    'publisher',
    () => memory().publisher('exchange/tester/x').publish('k', 1, 5),
    'publish needs an object of options, not a number',
  ],
  ['queue', () => memory().queue(), 'queue needs a queue, made by namedQueue(…)'],
  ['queue', () => memory().queue('a'), 'queue needs a queue, made by namedQueue(…)'],
  [
    'declare',
    () => memory().queue(queue).declare(bindings[0]),
    'declare needs an array of binding(…), not an object',
  ],
  [
    'declare',
    () => memory().queue(queue).declare([null]),
    'each entry of bindings must be made by binding(…)',
  ],
  ['unbind', () => memory().queue(queue).unbind(), 'unbind needs an array of binding(…), not undefined'],
  ['deadLetterQueue', () => js(deadLetterQueue)(), 'deadLetterQueue needs a queue, made by namedQueue(…)'],
  ['managementBindings', () => js(managementBindings)(), 'managementBindings needs an object of options'],
  [
    'managementBindings',
    () => js(managementBindings)({ url: 'http://h', usr: 'x' }),
    'managementBindings has no option usr; did you mean user?',
  ],
  ['connectToMemory', () => js(connectToMemory)('me'), 'connectToMemory needs a MemoryBroker first'],
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

  it('no value is shown, because it may be a secret', () => {
    expect(() => js(connect)({ password: ['s3cr3t'] })).toThrow(
      /^connect: the option password must be a string or a Secret, not an array$/,
    );
  });

  it('an option that is undefined counts as left out', () => {
    expect(() => namedQueue('a', { maxLength: 1, expiresMs: undefined })).not.toThrow();
    expect(() => js(handle)(nothing, { retry: { attempts: undefined, backoff: undefined } })).not.toThrow();
  });

  it('a demand that is not a number ends the stream without an endless loop', async () => {
    const pulse = connectToMemory();
    await pulse.declareExchange('exchange/tester/x');
    for (const demand of [undefined, NaN, '3']) {
      const consumed$ = pulse.consume({ queue, bindings, demand$: of(js(demand)) });
      await expect(lastValueFrom(consumed$)).rejects.toMatchObject({
        kind: 'invalid',
        message: expect.stringContaining('demand$ must emit numbers'),
      });
    }
    await pulse.close();
  });

  it('a Secret of another copy of the package is accepted as a Secret', () => {
    const password = js({ reveal: () => 's3cr3t' });
    expect(endpointFrom({ url, password }).password.reveal()).toBe('s3cr3t');
  });

  it('a `credentials` function that returns nothing is named in the error', async () => {
    const pulse = connect({ url, credentials: js(nothing), logger: false });
    await expect(pulse.ready({ timeoutMs: 50 })).rejects.toThrow(
      'the option credentials gave no login: the function returned no user',
    );
    await pulse.close();
  });
});
