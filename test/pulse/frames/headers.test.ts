import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  binding,
  connect,
  endpointFrom,
  ephemeralQueue,
  namedQueue,
  type ConsumeOptions,
  type ConsumerEvent,
  type Pulse,
  type PulseMessage,
} from '../../../src/pulse/index.ts';
import {
  entry,
  field,
  FLAGS,
  frame,
  frameProxy,
  HEADER,
  header,
  longString,
  onlyHeaders,
  publishByHand,
  shortString,
  uint,
} from './frames.ts';

const url = inject('pulseUrl');
const { hostname, port, user } = endpointFrom({ url });

describe('messages with headers from other clients', () => {
  let pulse: Pulse;
  let exchange: string;
  const proxies: { close: () => Promise<void> }[] = [];
  const others: Pulse[] = [];

  beforeEach(async () => {
    pulse = connect({ url, backoff: { baseMs: 5, capMs: 50 } });
    exchange = `exchange/${user}/headers-${randomUUID()}`;
    await pulse.declareExchange(exchange);
  });
  afterEach(async () => {
    for (const other of [pulse, ...others.splice(0)]) await other.close(100);
    for (const proxy of proxies.splice(0)) await proxy.close();
  });

  const consuming = async (from = pulse, options: Partial<ConsumeOptions<unknown>> = {}) => {
    const messages: PulseMessage[] = [];
    const events: ConsumerEvent[] = [];
    const ready = Promise.withResolvers<undefined>();
    from
      .consume({
        queue: ephemeralQueue('headers'),
        bindings: [binding(exchange, '#')],
        ...options,
        onEvent: event => {
          events.push(event);
          if (event.type === 'consuming') ready.resolve(undefined);
        },
      })
      .subscribe({
        next: message => {
          messages.push(message);
          message.ack();
        },
        error: ready.reject,
      });
    await ready.promise;
    return { messages, bodies: () => messages.map(({ body }) => body), events };
  };

  it('reach the consumer with each type that RabbitMQ accepts', async () => {
    const { messages, events } = await consuming();
    const properties = onlyHeaders(
      entry('L', field('L', uint(2 ** 40, 8))),
      entry('L negative', field('L', uint(-(2 ** 40), 8))),
      entry('L large', field('L', uint(2n ** 62n + 1n, 8))),
      entry('l large', field('l', uint(-(2n ** 63n), 8))),
      entry('b', field('b', uint(-1, 1))),
      entry('B', field('B', uint(255, 1))),
      entry('s', field('s', uint(-2, 2))),
      entry('u', field('u', uint(65_535, 2))),
      entry('I', field('I', uint(-3, 4))),
      entry('i', field('i', uint(4_294_967_295, 4))),
      entry('T', field('T', uint(1_700_000_000, 8))),
      entry('T large', field('T', uint(2n ** 64n - 1n, 8))),
      entry('D', field('D', uint(2, 1), uint(314, 4))),
      entry('t', field('t', uint(1, 1))),
      entry('V', field('V')),
      entry('x', field('x', longString(Buffer.from([0, 255])))),
      entry('S', field('S', longString('größe'))),
      entry('S of bytes', field('S', longString(Buffer.from([0xc3, 0x28])))),
      entry('A', field('A', longString(Buffer.concat([field('V'), field('L', uint(5, 8))])))),
      entry('F', field('F', longString(entry('in', field('u', uint(6, 2)))))),
      entry('__proto__', field('F', longString(entry('CC', field('V'))))),
    );
    await publishByHand(url, exchange, properties);
    await pulse.publish(exchange, 'k', 'next');
    await expect.poll(() => messages.length).toBe(2);
    expect(messages[0]?.headers).toEqual({
      L: 2 ** 40,
      'L negative': -(2 ** 40),
      'L large': 2n ** 62n + 1n,
      'l large': -(2n ** 63n),
      ...{ b: -1, B: 255, s: -2, u: 65_535, I: -3, i: 4_294_967_295 },
      T: { '!': 'timestamp', value: 1_700_000_000 },
      'T large': { '!': 'timestamp', value: 2n ** 64n - 1n },
      D: { '!': 'decimal', value: { places: 2, digits: 314 } },
      ...{ t: true, V: null, x: Buffer.from([0, 255]) },
      S: 'größe',
      'S of bytes': Buffer.from([0xc3, 0x28]),
      A: [null, 5],
      F: { in: 6 },
      ['__proto__']: { CC: null },
    });
    expect(Object.getPrototypeOf(messages[0]?.headers)).toBe(Object.prototype);
    expect(events.map(({ type }) => type)).toEqual(['consuming']);
  });

  /** What RabbitMQ itself takes from a publisher, and hands on as it is. */
  const nested = (levels: number) => {
    let value = field('V');
    for (let level = 0; level < levels; level++) value = field('F', longString(entry('', value)));
    return onlyHeaders(entry('deep', value));
  };
  const taken: readonly [string, Buffer, string][] = [
    ['tables in tables without end', nested(2_000), 'nested'],
    ['a name that is not UTF-8', onlyHeaders(entry(Buffer.from([0xff]), field('V'))), 'UTF-8'],
    [
      'an id that is not UTF-8',
      Buffer.concat([uint(FLAGS.messageId, 2), shortString(Buffer.from([0xff]))]),
      'UTF-8',
    ],
  ];
  it.each(taken)(
    'become one bad message, without a lost connection, if the headers contain %s',
    async (_, bytes, why) => {
      const { messages, bodies, events } = await consuming();
      await publishByHand(url, exchange, bytes);
      await pulse.publish(exchange, 'k', 'next');
      await expect.poll(bodies).toEqual(['next']);
      expect(messages[0]?.redelivered).toBe(false);
      expect(events).toMatchObject([
        { type: 'consuming' },
        {
          type: 'bad-message',
          delivery: { exchange, routingKey: 'by.hand', headers: {} },
          problems: [expect.stringContaining(why)],
        },
      ]);
    },
  );

  /** What a broker may hand on though none that we know does. */
  const broken: readonly [string, Buffer][] = [
    ['a type that AMQP has not', onlyHeaders(entry('odd', field('Z', uint(0, 8))))],
    ['a table longer than its frame', Buffer.concat([uint(FLAGS.headers, 2), uint(2 ** 32 - 1, 4)])],
    ['a number that is cut', onlyHeaders(entry('cut', field('l', uint(0, 4))))],
    ['a text longer than its table', onlyHeaders(entry('cut', field('S', uint(9, 4))))],
    ['an array longer than its table', onlyHeaders(entry('cut', field('A', uint(9, 4), field('V'))))],
    ['an array whose last element is cut', onlyHeaders(entry('cut', field('A', longString(field('l')))))],
    ['a name longer than its table', onlyHeaders(uint(200, 1))],
    ['a name without a value', onlyHeaders(shortString('x'))],
    ['flags of a second word', Buffer.concat([uint(FLAGS.continued, 2), uint(0, 2)])],
    ['half a word of flags', Buffer.from([0])],
    ['no flags', Buffer.alloc(0)],
    ['more than their flags tell of', Buffer.concat([uint(0, 2), Buffer.from('more')])],
    ['half a time', Buffer.concat([uint(FLAGS.timestamp, 2), uint(0, 4)])],
  ];
  it.each(broken)('become one bad message if the headers are altered in transit: %s', async (_, bytes) => {
    const proxy = await frameProxy({ host: hostname, port }, ({ type, payload, channel }) => {
      if (type !== HEADER || !payload.includes('mangle')) return undefined;
      return frame(HEADER, channel, header(bytes, Number(payload.readBigUInt64BE(4))));
    });
    proxies.push(proxy);
    const altered = new URL(url);
    altered.port = String(proxy.port);
    const behind = connect({ url: altered.href, backoff: { baseMs: 5, capMs: 50 } });
    others.push(behind);
    const { messages, bodies, events } = await consuming(behind);
    await pulse.publish(exchange, 'k', 'altered', { messageId: 'mangle' });
    await pulse.publish(exchange, 'k', 'next');
    await expect.poll(bodies).toEqual(['next']);
    expect(messages[0]?.redelivered).toBe(false);
    expect(proxy.taken()).toBe(1);
    expect(events).toMatchObject([
      { type: 'consuming' },
      {
        type: 'bad-message',
        delivery: { exchange, routingKey: 'k', content: Buffer.from('"altered"') },
        problems: [expect.stringMatching(/^its properties cannot be read: /)],
      },
    ]);
  });

  it('become one bad message if the headers belong to another AMQP class', async () => {
    const proxy = await frameProxy({ host: hostname, port }, ({ type, payload, channel }) => {
      if (type !== HEADER || !payload.includes('mangle')) return undefined;
      return frame(HEADER, channel, header(uint(0, 2), Number(payload.readBigUInt64BE(4)), 61));
    });
    proxies.push(proxy);
    const altered = new URL(url);
    altered.port = String(proxy.port);
    const behind = connect({ url: altered.href, backoff: { baseMs: 5, capMs: 50 } });
    others.push(behind);
    const { bodies, events } = await consuming(behind);
    await pulse.publish(exchange, 'k', 'altered', { messageId: 'mangle' });
    await pulse.publish(exchange, 'k', 'next');
    await expect.poll(bodies).toEqual(['next']);
    expect(events.map(({ type }) => type)).toEqual(['consuming', 'bad-message']);
    expect(proxy.taken()).toBe(1);
  });

  it.each([
    ['a longer', 1],
    ['a shorter', -1],
  ])(
    'cost one channel, but not the connection, if the headers announce %s body than there is',
    async (_, change) => {
      let altered = 0;
      const proxy = await frameProxy({ host: hostname, port }, ({ type, payload, channel }) => {
        if (type !== HEADER || !payload.includes('mangle') || altered++ > 0) return undefined;
        const changed = Buffer.from(payload);
        changed.writeBigUInt64BE(payload.readBigUInt64BE(4) + BigInt(change), 4);
        return frame(HEADER, channel, changed);
      });
      proxies.push(proxy);
      const there = new URL(url);
      there.port = String(proxy.port);
      const behind = connect({ url: there.href, backoff: { baseMs: 5, capMs: 50 } });
      others.push(behind);
      const queue = namedQueue(`test-${randomUUID()}`, { expiresMs: 60_000, maxLength: 10 });
      const { bodies, events } = await consuming(behind, { queue });
      await pulse.publish(exchange, 'k', 'altered', { messageId: 'mangle' });
      await pulse.publish(exchange, 'k', 'next');
      await expect.poll(bodies).toEqual(['altered', 'next']);
      expect(events.map(({ type }) => type)).toEqual(['consuming', 'interrupted', 'consuming']);
      expect(proxy.taken()).toBe(1);
    },
  );

  it('are settled by the policy for bad messages if the headers are unreadable', async () => {
    const asked: string[][] = [];
    const { bodies } = await consuming(pulse, {
      onBadMessage: ({ routingKey, messageId }, problems) => {
        asked.push([routingKey, String(messageId), ...problems]);
        return 'ack';
      },
    });
    await publishByHand(url, exchange, nested(200));
    await pulse.publish(exchange, 'k', 'next');
    await expect.poll(bodies).toEqual(['next']);
    expect(asked).toEqual([['by.hand', 'undefined', expect.stringContaining('nested')]]);
  });
});
