import { connect as connectRaw } from 'amqplib';
import { randomUUID } from 'node:crypto';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { binding, type ConsumerEvent, type Pulse, type PulseMessage } from '../../../src/pulse/index.ts';
import type { OwnRabbitmq } from './setting.ts';

/** What ends a channel, and not the connection. */
export function channels(own: OwnRabbitmq): void {
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
  /** Sets a variable of the broker, which counts for channels that are opened from then on. */
  const setting = (name: string, value: number) =>
    own.rabbitmqctl('eval', `application:set_env(rabbit, ${name}, ${value}).`);
  /** Makes an exchange anew, of another kind, as its owner may. */
  const replaceByFanout = async (exchange: string) => {
    const connection = await connectRaw(own.url);
    const channel = await connection.createChannel();
    await channel.deleteExchange(exchange);
    await channel.assertExchange(exchange, 'fanout');
    await connection.close();
  };
  const isConnected = async (pulse: Pulse) => {
    expect(await firstValueFrom(pulse.state$)).toEqual({ name: 'connected' });
  };

  describe('a channel that the broker closes', () => {
    it('for a message that was held too long (406) is replaced, and the message is delivered again', async () => {
      await setting('consumer_timeout', 300);
      await setting('channel_tick_interval', 200);
      try {
        await own.withPulse(async (pulse, exchange) => {
          const messages: PulseMessage[] = [];
          const events: ConsumerEvent[] = [];
          const queue = own.durable();
          let ended: unknown;
          pulse
            .consume({
              queue,
              bindings: [binding(exchange, '#')],
              onEvent: event => events.push(event),
            })
            .subscribe({ next: message => messages.push(message), error: error => (ended = error) });
          await expect.poll(() => events.length).toBe(1);
          await pulse.publish(exchange, 'k', 'slow');
          await expect.poll(() => messages.length).toBe(2);
          expect(ended).toBeUndefined();
          expect(messages[1]).toMatchObject({ body: 'slow', redelivered: true });
          expect(messages.map(message => message.ack())).toEqual([false, true]);
          expect(events.slice(0, 3).map(({ type }) => type)).toEqual([
            'consuming',
            'interrupted',
            'consuming',
          ]);
          expect((await pulse.queue(queue).inspect())?.consumers).toBe(1);
          await isConnected(pulse);
        });
      } finally {
        await setting('consumer_timeout', 1_800_000);
        await setting('channel_tick_interval', 60_000);
      }
    });

    it('for a message that is too large (406) causes only that message to be refused', async () => {
      await setting('max_message_size', 50_000);
      try {
        await own.withPulse(async (pulse, exchange) => {
          const { bodies } = await own.collect(pulse, exchange, own.durable());
          const large = 'x'.repeat(60_000);
          const results = await Promise.allSettled(
            numbers(301).map(n => pulse.publish(exchange, 'k', n === 100 ? large : n)),
          );
          const refused = results.flatMap((result, n) => (result.status === 'rejected' ? [n] : []));
          expect(refused).toEqual([100]);
          expect(results[100]).toMatchObject({ reason: { kind: 'mismatch' } });
          expect((results[100] as PromiseRejectedResult).reason.message).toContain('size');
          await expect.poll(() => new Set(bodies).size).toBe(300);
          await isConnected(pulse);
        });
      } finally {
        await setting('max_message_size', 134_217_728);
      }
    });

    it('because an exchange cannot be declared again does not affect publishing', async () => {
      await own.withPulse(async (pulse, exchange) => {
        const other = `exchange/tcw-test/${randomUUID()}`;
        await pulse.declareExchange(other);
        const { bodies } = await own.collect(pulse, exchange);
        await replaceByFanout(other);
        const nowhere = pulse.publish(`exchange/tcw-test/${randomUUID()}`, 'k', {});
        await expect(nowhere).rejects.toMatchObject({ kind: 'not-found' });
        await pulse.publish(exchange, 'k', 'goes on', { deadlineMs: 5_000 });
        await expect.poll(() => bodies).toEqual(['goes on']);
        await pulse.publish(other, 'k', 'of another kind, but there', { deadlineMs: 5_000 });
        await isConnected(pulse);
      });
    });

    it('because of a declaration is not the channel of messages in flight', async () => {
      await own.withPulse(async (pulse, exchange) => {
        await replaceByFanout(exchange);
        const messages = numbers(20).map(n => pulse.publish(exchange, 'k', n));
        const declared = pulse.declareExchange(exchange);
        const more = numbers(20).map(n => pulse.publish(exchange, 'k', n));
        await expect(declared).rejects.toMatchObject({ kind: 'mismatch' });
        await Promise.all([...messages, ...more]);
      });
    });

    it('is not needed to refuse a header without an AMQP type', async () => {
      await own.withPulse(async (pulse, exchange) => {
        const headers = { odd: Symbol('no type') };
        const odd = pulse.publish(exchange, 'k', {}, { headers });
        const even = pulse.publish(exchange, 'k', {});
        await expect(odd).rejects.toMatchObject({ kind: 'invalid' });
        await even;
      });
    });
  });

  it('an ephemeral queue that is deleted is replaced by a new one, after a gap', async () => {
    await own.withPulse(async (pulse, exchange) => {
      const { bodies, events } = await own.collect(pulse, exchange);
      const names = () => events.flatMap(event => (event.type === 'consuming' ? [event.queue] : []));
      await own.rabbitmqctl('delete_queue', names()[0] ?? '');
      await expect
        .poll(() => events.map(({ type }) => type))
        .toEqual(['consuming', 'interrupted', 'gap', 'consuming']);
      expect(new Set(names()).size).toBe(2);
      await pulse.publish(exchange, 'k', 'after');
      await expect.poll(() => bodies).toEqual(['after']);
      await isConnected(pulse);
    });
  });
}
