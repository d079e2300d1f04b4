import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  readProperties,
  type BasicProperties,
} from '../../../src/pulse/transport/amqp/properties/basic-properties.ts';
import { copiedProperties } from '../../../src/pulse/transport/amqp/properties/copied-properties.ts';
import { amqpTransport } from '../../../src/pulse/transport/amqp/transport.ts';
import { retryExchange, retryPattern } from '../../../src/pulse/topology/attempts.ts';
import {
  binding,
  connect,
  endpointFrom,
  handle,
  namedQueue,
  type Delivery,
  type Pulse,
  type PulseMessage,
  type TransportConnection,
} from '../../../src/pulse/index.ts';
import { entry, field, longString, publishByHand, shortString, uint } from './frames.ts';

const url = inject('pulseUrl');
const { user } = endpointFrom({ url });

const double = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return field('d', bytes);
};

/** Of each type and width what changes when it is read and written again by a library. */
const ENTRIES = [
  entry('one, in 64 bits', field('l', uint(1, 8))),
  entry('more than a number holds', field('l', uint(2n ** 62n + 1n, 8))),
  entry('py-amqp', field('L', uint(2n ** 53n + 1n, 8))),
  entry('one, in 8 bits', field('b', uint(1, 1))),
  entry('unsigned', field('B', uint(200, 1))),
  entry('unsigned short', field('u', uint(65_535, 2))),
  entry('unsigned int', field('i', uint(2 ** 32 - 1, 4))),
  entry('a double that is whole', double(1)),
  entry('a large fraction', double(2 ** 50 + 0.5)),
  entry('less than nothing', double(-0)),
  entry('a float', field('f', uint(0x3dcccccd, 4))),
  entry('a decimal', field('D', uint(2, 1), uint(314, 4))),
  entry('a time', field('T', uint(2n ** 63n, 8))),
  entry('bytes', field('x', longString(Buffer.from([0, 255])))),
  entry('text that is none', field('S', longString(Buffer.from([0xff, 0])))),
  entry('nothing', field('V')),
  entry('a table', field('F', longString(entry('!', field('S', longString('int8')))))),
  entry('a list', field('A', longString(Buffer.concat([field('l', uint(7, 8)), double(7)])))),
  entry('__proto__', field('t', uint(1, 1))),
  entry('twice', field('I', uint(1, 4))),
  entry('twice', field('I', uint(2, 4))),
] as const;

/** All properties that a message can have, in the order of the wire. */
function properties(entries: readonly Buffer[], userId?: string, flags = 0xffec): Buffer {
  return Buffer.concat([
    uint(flags | (userId === undefined ? 0 : 0x10), 2),
    ...[shortString('application/x-mine'), shortString('identity')],
    longString(Buffer.concat(entries)),
    Buffer.from([1, 9]),
    ...['correlation', 'reply.to', '600000', 'id'].map(text => shortString(text)),
    uint(1_700_000_000, 8),
    shortString('type'),
    ...(userId === undefined ? [] : [shortString(userId)]),
    ...['app', 'cluster'].map(text => shortString(text)),
  ]);
}

describe('the copy of a message that failed', () => {
  let pulse: Pulse;
  let exchange: string;
  let connection: TransportConnection;

  beforeEach(async () => {
    const { password, ...endpoint } = endpointFrom({ url });
    pulse = connect({ url, backoff: { baseMs: 5, capMs: 50 } });
    exchange = `exchange/${user}/copies-${randomUUID()}`;
    await pulse.declareExchange(exchange);
    connection = await amqpTransport(endpoint).connect({ user, password, connectionName: 'copies' });
  });
  afterEach(async () => {
    await pulse.close(100);
    await connection.close();
  });

  /** What a queue of its own gets that is bound so. */
  const captured = async (source: string, pattern: string) => {
    const channel = await connection.openChannel({ confirms: false });
    const queue = `queue/${user}/copies-${randomUUID()}`;
    await channel.declareQueue(queue, { exclusive: true, durable: false, autoDelete: true });
    await channel.bindQueue(queue, source, pattern);
    const deliveries: Delivery[] = [];
    await channel.consume(
      queue,
      100,
      delivery => deliveries.push(delivery),
      () => undefined,
    );
    return deliveries;
  };

  /** Lets a message fail so often, and returns it as it was published, as it came back, and as the handler saw it. */
  const copied = async (publish: () => Promise<unknown>, failures = 2) => {
    const queue = namedQueue(`copies-${randomUUID()}`, { maxLength: 10, expiresMs: 60_000 });
    const originals = await captured(exchange, '#');
    await pulse.declareExchange(retryExchange(user));
    const copies = await captured(retryExchange(user), retryPattern(queue.nameFor(user)));
    const seen: PulseMessage[] = [];
    const handling = pulse
      .consume({ queue, bindings: [binding(exchange, '#')] })
      .pipe(
        handle(
          message => {
            seen.push(message);
            if (seen.length <= failures) throw new Error('not yet');
          },
          { retry: { backoff: { baseMs: 1, capMs: 1 } } },
        ),
      )
      .subscribe();
    await expect.poll(async () => (await pulse.queue(queue).inspect())?.consumers).toBe(1);
    await publish();
    await expect.poll(() => seen.length).toBe(failures + 1);
    handling.unsubscribe();
    await pulse.queue(queue).delete();
    return { original: originals[0], copies, seen };
  };

  it('is identical byte for byte except for its additional header', async () => {
    const { original, copies, seen } = await copied(() =>
      publishByHand(url, exchange, properties(ENTRIES), { of: 'the message' }),
    );
    expect(copies).toHaveLength(2);
    for (const copy of copies) {
      expect(Buffer.from(copy.content)).toEqual(Buffer.from(original?.content ?? []));
      const raw = Buffer.from(copy.raw ?? []);
      const ours = entryOf(raw, 'tcw-retry');
      // Our header comes last, so that without it all is as it was.
      expect(withoutLastHeader(raw, ours)).toEqual(properties(ENTRIES));
    }
    expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    for (const { headers, messageId, routingKey } of seen) {
      const { 'tcw-retry': _, ...others } = headers;
      expect([others, messageId, routingKey]).toEqual([seen[0]?.headers, 'id', 'by.hand']);
    }
  });

  it('has no properties that the message does not have', async () => {
    const { copies } = await copied(() => publishByHand(url, exchange, uint(0, 2)));
    const { headers, ...others } = read(copies[0]);
    expect(others).toEqual({});
    expect(Object.keys(headers ?? {})).toEqual(['tcw-retry']);
  });

  it('names the publisher of the message only if the same user publishes the copy', async () => {
    const mine = await copied(() => publishByHand(url, exchange, properties([], user)));
    expect(read(mine.copies[0]).userId).toBe(user);
  });

  it("of another user's message omits the user, which the broker would refuse", async () => {
    const queueUrl = inject('queuePulseUrl');
    const other = endpointFrom({ url: queueUrl }).user;
    const theirs = `exchange/${other}/copies-${randomUUID()}`;
    const publisher = connect({ url: queueUrl });
    await publisher.declareExchange(theirs);
    exchange = theirs;
    const { copies, original, seen } = await copied(() =>
      publishByHand(queueUrl, theirs, properties(ENTRIES, other)),
    );
    await publisher.close();
    expect(read(original).userId).toBe(other);
    const raw = Buffer.from(copies[0]?.raw ?? []);
    expect(withoutLastHeader(raw, entryOf(raw, 'tcw-retry'))).toEqual(properties(ENTRIES));
    expect(seen).toHaveLength(3);
  });

  it('reaches only its own queue, whatever routes the message had, but still names them', async () => {
    const { copies, seen } = await copied(() =>
      pulse.publish(exchange, 'k', 1, { routes: ['a', 'b'], headers: { x: 1 } }),
    );
    expect(copies).toHaveLength(2);
    for (const copy of copies) expect(copy.headers).not.toHaveProperty('CC');
    expect(seen.map(({ routes, headers }) => [routes, headers.x])).toEqual(seen.map(() => [['a', 'b'], 1]));
  });

  it('with arbitrary readable properties is readable, and keeps everything that is not to be changed', () => {
    const text = fc.uint8Array({ maxLength: 20 }).map(bytes => shortString(bytes));
    const value = fc.constantFrom(...ENTRIES.map(bytes => bytes.subarray(1 + (bytes[0] ?? 0))));
    const name = fc.oneof(
      fc.constantFrom('CC', 'tcw-retry', 'x'),
      fc.string({ unit: 'grapheme', maxLength: 10 }),
    );
    const table = fc.array(
      fc.tuple(name, value).map(([key, bytes]) => entry(key, bytes)),
      { maxLength: 6 },
    );
    const order = [
      text,
      text,
      table.map(all => longString(Buffer.concat(all))),
      fc.constant(uint(2, 1)),
      fc.constant(uint(3, 1)),
      text,
      text,
      text,
      text,
      fc.constant(uint(7n, 8)),
      text,
      text,
      text,
      text,
    ];
    const anyProperties = fc
      .tuple(fc.nat(0x3fff), fc.tuple(...order))
      .map(([present, all]) =>
        Buffer.concat([uint(present << 2, 2), ...all.filter((_, n) => present & (0x2000 >> n))]),
      );
    fc.assert(
      fc.property(anyProperties, raw => {
        const before = readProperties(raw);
        if ('unreadable' in before) return;
        const after = readProperties(
          copiedProperties(
            raw,
            { CC: undefined, 'tcw-retry': { failures: 1, at: 1.5, routes: ['r'] } },
            'me',
          ),
        );
        const { CC: _, ...others } = before.headers ?? {};
        const { userId, ...rest } = before;
        expect(after).toEqual({
          ...rest,
          ...(userId === 'me' && { userId }),
          headers: { ...others, 'tcw-retry': { failures: 1, at: 1.5, routes: ['r'] } },
        });
      }),
      { numRuns: 2_000 },
    );
  });
});

function read(delivery: Delivery | undefined): BasicProperties {
  const properties = readProperties(Buffer.from(delivery?.raw ?? []));
  if ('unreadable' in properties) throw new Error(properties.unreadable);
  return properties;
}

/** The bytes of the last entry of a table, which has this name. */
function entryOf(raw: Buffer, name: string): Buffer {
  const start = raw.lastIndexOf(shortString(name));
  const length = 1 + name.length + 1 + 4;
  return raw.subarray(start, start + length + raw.readUInt32BE(start + length - 4));
}

/** Properties of which the first two are texts, and then come headers, without the last of these. */
function withoutLastHeader(raw: Buffer, last: Buffer): Buffer {
  const at = 2 + 1 + (raw[2] ?? 0) + 1 + (raw[2 + 1 + (raw[2] ?? 0)] ?? 0);
  const length = raw.readUInt32BE(at);
  const table = raw.subarray(at + 4, at + 4 + length);
  expect(table.subarray(-last.length)).toEqual(last);
  return Buffer.concat([
    raw.subarray(0, at),
    longString(table.subarray(0, -last.length)),
    raw.subarray(at + 4 + length),
  ]);
}
