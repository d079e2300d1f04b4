import { randomUUID } from 'node:crypto';
import { expect, inject, it } from 'vitest';
import {
  binding,
  connect,
  deadLetter,
  deadLetterQueue,
  endpointFrom,
  handle,
  namedQueue,
  type ConsumerEvent,
} from '../../../src/pulse/index.ts';
import { entry, field, longString, onlyHeaders, publishByHand, uint } from './frames.ts';

const url = inject('pulseUrl');
const deaths = entry('x-death', field('A', longString(field('b', uint(1, 1)))));
const nested = () => {
  let value = field('V');
  for (let level = 0; level < 200; level++) value = field('F', longString(entry('', value)));
  return entry('deep', value);
};

/** RabbitMQ 3.10 ends the process of a classic queue that has to dead-letter such a message, which comes again then. */
it.each([
  ['malformed deaths', onlyHeaders(deaths), 'odd rejected'],
  ['malformed deaths among unreadable headers', onlyHeaders(nested(), deaths), undefined],
])('a message with %s is dropped if it would end its queue', async (_, properties, outcome) => {
  const pulse = connect({ url, backoff: { baseMs: 20, capMs: 200 } });
  const exchange = `exchange/${endpointFrom({ url }).user}/deaths-${randomUUID()}`;
  await pulse.declareExchange(exchange);
  const queue = namedQueue(`test-${randomUUID()}`, { expiresMs: 60_000, maxLength: 10, deadLetter: true });
  const bindings = [binding(exchange, '#')];
  await pulse.queue(queue).declare(bindings);
  await publishByHand(url, exchange, properties, 'odd');
  await pulse.publish(exchange, 'k', 'bad');
  await pulse.publish(exchange, 'k', 'good');

  const events: ConsumerEvent[] = [];
  const outcomes: string[] = [];
  pulse
    .consume({ queue, bindings, onEvent: event => events.push(event) })
    .pipe(handle(({ body }) => (body === 'good' ? undefined : deadLetter('no'))))
    .subscribe(result => outcomes.push(`${String(result.message.body)} ${result.outcome}`));
  await expect.poll(() => outcomes).toContain('good acked');
  await expect.poll(async () => (await pulse.queue(queue).inspect())?.messages).toBe(0);
  await expect.poll(async () => (await pulse.queue(deadLetterQueue(queue)).inspect())?.messages).toBe(1);
  expect(outcomes).toEqual([...(outcome === undefined ? [] : [outcome]), 'bad dead-lettered', 'good acked']);
  const types = outcome === undefined ? ['bad-message', 'consuming'] : ['consuming'];
  expect(events.map(({ type }) => type).sort()).toEqual(types);
  await pulse.close();
});
