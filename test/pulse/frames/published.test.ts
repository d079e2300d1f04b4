import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  messageFrames,
  plainProperties,
  type FramedMessage,
} from '../../../src/pulse/transport/amqp/publishing/publish-frames.ts';
import { amqpTransport } from '../../../src/pulse/transport/amqp/transport.ts';
import {
  binding,
  connect,
  endpointFrom,
  namedQueue,
  PulseError,
  type Pulse,
  type PublishOptions,
} from '../../../src/pulse/index.ts';

/** The parts of amqplib that encode messages. They have no types. */
interface Encoders {
  readonly BasicPublish: number;
  readonly BasicProperties: number;
  readonly encodeMethod: (method: number, channel: number, fields: object) => Buffer;
  readonly encodeProperties: (id: number, channel: number, size: number, fields: object) => Buffer;
}
const require = createRequire(import.meta.url);
const amqplib = dirname(require.resolve('amqplib'));
const { BasicPublish, BasicProperties, encodeMethod, encodeProperties } = require(
  join(amqplib, 'lib/defs.js'),
) as Encoders;
const { makeBodyFrame } = require(join(amqplib, 'lib/frame.js')) as {
  readonly makeBodyFrame: (channel: number, payload: Buffer) => Buffer;
};

/** The size of frames that RabbitMQ and amqplib agree on, in bytes. */
const FRAME_MAX = 131_072;

/** Text that is a short string: at most 255 bytes of UTF-8. */
const shortText = fc
  .string({ unit: 'grapheme', maxLength: 255 })
  .filter(text => text.isWellFormed() && Buffer.byteLength(text) <= 255);

describe('the frames of a message without headers', () => {
  it("are identical to amqplib's, byte for byte", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 65_535 }),
        fc.record({
          exchange: shortText,
          routingKey: shortText,
          content: fc.oneof(fc.uint8Array(), fc.uint8Array({ minLength: 2_000, maxLength: 5_000 })),
          messageId: fc.option(shortText, { nil: undefined }),
          mandatory: fc.option(fc.boolean(), { nil: undefined }),
        }),
        fc.constantFrom(FRAME_MAX, 4_096, 600),
        (channel, message, frameMax) => {
          const frames = messageFrames(channel, message, plainProperties(message.messageId), frameMax);
          expect(frames.equals(framesOfAmqplib(channel, message, frameMax))).toBe(true);
        },
      ),
    );
  });
});

describe('messages without headers on a real broker', () => {
  const url = inject('pulseUrl');
  const { user } = endpointFrom({ url });
  let pulse: Pulse;
  beforeEach(() => {
    pulse = connect({ url });
  });
  afterEach(() => pulse.close());

  it.each([
    ['an empty text', ''],
    ['text beyond ASCII', 'ü€😀'.repeat(50)],
    ['a body of exactly one frame', 'x'.repeat(FRAME_MAX - 8 - 2)],
    ['one byte more, which takes two frames', 'x'.repeat(FRAME_MAX - 8 - 1)],
    ['several frames', 'x'.repeat(500_000)],
  ])('%s arrives unchanged and in order', async (_, body) => {
    const exchange = `exchange/${user}/published-${randomUUID()}`;
    await pulse.declareExchange(exchange);
    const queue = namedQueue(`published-${randomUUID()}`, { maxLength: 10, expiresMs: 60_000 });
    const received: [string, unknown][] = [];
    const subscription = pulse.consume({ queue, bindings: [binding(exchange, '#')] }).subscribe(message => {
      received.push([message.routingKey, message.body]);
      message.ack();
    });
    await expect.poll(async () => (await pulse.queue(queue).inspect())?.consumers).toBe(1);
    const publisher = pulse.publisher(exchange);
    await Promise.all([
      publisher.publish('before', 1),
      publisher.publish('ключ', body),
      publisher.publish('after', 2, { headers: { later: true } }),
    ]);
    await expect.poll(() => received.length).toBe(3);
    expect(received).toStrictEqual([
      ['before', 1],
      ['ключ', body],
      ['after', 2],
    ]);
    subscription.unsubscribe();
    await pulse.queue(queue).delete();
  });

  it('keep their order among messages with headers, with several frames and with none', async () => {
    const exchange = `exchange/${user}/published-${randomUUID()}`;
    await pulse.declareExchange(exchange);
    const queue = namedQueue(`published-${randomUUID()}`, { maxLength: 1_000, expiresMs: 60_000 });
    await pulse.queue(queue).declare([binding(exchange, '#')]);
    const kinds: PublishOptions[] = [{}, { headers: { n: 1 } }, { mandatory: true }, { routes: ['other'] }];
    const count = 400;
    await Promise.all(
      Array.from({ length: count }, (_, n) =>
        pulse.publish(exchange, 'k', [n, n % 7 === 0 ? 'x'.repeat(200_000) : ''], kinds[n % kinds.length]),
      ),
    );
    const received: unknown[] = [];
    for await (const { body } of pulse.messages({ queue, bindings: [binding<[number]>(exchange, '#')] })) {
      received.push(body[0]);
      if (received.length === count) break;
    }
    expect(received).toEqual(Array.from({ length: count }, (_, n) => n));
    await pulse.queue(queue).delete();
  });

  it.each(['channel', 'connection'] as const)('are not written while the %s is closing', async closing => {
    const endpoint = endpointFrom({ url });
    const connection = await amqpTransport(endpoint).connect({ ...endpoint, connectionName: 'published' });
    const channel = await connection.openChannel({ confirms: true });
    const publish = () => {
      channel.publish(`exchange/${user}/none`, 'k', Buffer.from('1'), { routes: [] }, () => undefined);
    };
    const closed = closing === 'channel' ? channel.close() : connection.close();
    expect(publish).toThrow(PulseError);
    await closed;
    expect(publish).toThrow(PulseError);
    await connection.close();
  });
});

function framesOfAmqplib(
  channel: number,
  {
    exchange,
    routingKey,
    content,
    messageId,
    mandatory = false,
  }: FramedMessage & { messageId?: string | undefined },
  frameMax: number,
): Buffer {
  const body = Buffer.from(content);
  const pieces: Buffer[] = [];
  for (let from = 0; from < body.length; from += frameMax - 8)
    pieces.push(body.subarray(from, from + frameMax - 8));
  const properties = {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    headers: {},
    deliveryMode: 2,
    messageId,
  };
  return Buffer.concat([
    encodeMethod(BasicPublish, channel, { exchange, routingKey, mandatory, immediate: false }),
    encodeProperties(BasicProperties, channel, body.length, properties),
    ...pieces.map(piece => makeBodyFrame(channel, piece)),
  ]);
}
