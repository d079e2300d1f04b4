import { randomUUID } from 'node:crypto';
import { expect, inject, it } from 'vitest';
import { binding, connect, endpointFrom, namedQueue, type PulseMessage } from '../../../src/pulse/index.ts';
import { hasPyAmqp, publishFromPython } from './py-amqp.ts';

const url = inject('pulseUrl');
const present = await hasPyAmqp();
if (!present) {
  console.error(
    'tcw: skipping the tests with py-amqp, which is not installed (Debian: apt-get install python3-amqp)',
  );
}

it.skipIf(!present)('a consumer receives the messages of py-amqp, and continues', async () => {
  const pulse = connect({ url });
  const exchange = `exchange/${endpointFrom({ url }).user}/py-amqp-${randomUUID()}`;
  await pulse.declareExchange(exchange);
  const queue = namedQueue(`test-${randomUUID()}`, { expiresMs: 60_000, maxLength: 10 });
  const bindings = [binding(exchange, '#')];
  await pulse.queue(queue).declare(bindings);
  const headers = `{
    'big': 2**40, 'neg': -2**40, 'bigger': 2**62 + 1, 'small': 7, 'flag': True, 'nothing': None,
    'text': 'größe', 'bytes': b'\\xff', 'half': 0.5, 'list': [1, [2**40]], 'table': {'in': -2**40},
    'price': decimal.Decimal('3.14'), 'when': datetime.datetime(2023, 11, 14, 22, 13, 20),
  }`;
  await publishFromPython(url, exchange, { from: 'python' }, headers);
  await pulse.publish(exchange, 'k', 'next');

  const events: unknown[] = [];
  const messages: PulseMessage[] = [];
  pulse.consume({ queue, bindings, onEvent: ({ type }) => events.push(type) }).subscribe(message => {
    messages.push(message);
    message.ack();
  });
  await expect.poll(() => messages.length).toBe(2);
  expect(messages[0]).toMatchObject({
    body: { from: 'python' },
    routingKey: 'from.python',
    redelivered: false,
  });
  expect(messages[0]?.headers).toMatchObject({
    ...{ big: 2 ** 40, neg: -(2 ** 40), bigger: 2n ** 62n + 1n, small: 7, flag: true, nothing: null },
    ...{
      text: 'größe',
      bytes: Buffer.from([255]),
      half: 0.5,
      list: [1, [2 ** 40]],
      table: { in: -(2 ** 40) },
    },
    price: { '!': 'decimal', value: { places: 2, digits: 314 } },
    when: { '!': 'timestamp', value: 1_700_000_000 },
  });
  expect(events).toEqual(['consuming']);
  await pulse.close();
});
