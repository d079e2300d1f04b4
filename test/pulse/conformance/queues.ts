import { describe, expect, it } from 'vitest';
import { binding, deadLetterQueue, ephemeralQueue, namedQueue } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function queues(setting: Setting): void {
  const publish = (body: unknown, key = 'k') => setting.pulse.publish(setting.exchange, key, body);

  describe('a named queue', () => {
    it('can be declared, inspected, purged and deleted without a consumer', async () => {
      const { pulse, exchange, under, queueOf } = setting;
      const spec = queueOf();
      const queue = pulse.queue(spec);
      expect(queue.name).toBe(spec.nameFor(under.user));
      expect(await queue.inspect()).toBeUndefined();
      await queue.declare([binding(exchange, '#')]);
      expect(await queue.inspect()).toEqual({ messages: 0, consumers: 0 });
      for (const n of [1, 2, 3]) await publish(n);
      await expect.poll(() => queue.inspect()).toEqual({ messages: 3, consumers: 0 });
      expect(await queue.purge()).toBe(3);
      await queue.unbind([binding(exchange, '#'), binding(exchange, 'never.bound')]);
      await publish('nobody wants it');
      expect(await queue.inspect()).toEqual({ messages: 0, consumers: 0 });
      await queue.delete();
      await queue.delete();
      expect(await queue.inspect()).toBeUndefined();
    });

    it('reports the number of its consumers', async () => {
      const queue = setting.queueOf();
      await setting.consuming({ queue });
      expect(await setting.pulse.queue(queue).inspect()).toEqual({ messages: 0, consumers: 1 });
    });

    it.each([
      ['a classic one', {}],
      ['a quorum one', { quorum: true }],
    ])('keeps rejected messages if requested: %s', async (_, kind) => {
      const queue = setting.queueOf({ ...kind, deadLetter: { maxLength: 10 } });
      const living = await setting.consuming({ queue });
      await setting.pulse.publish(setting.exchange, 'a.b', 'bad', { routes: ['route.x'] });
      (await living.next()).reject();
      const dead = await setting.consuming({ queue: deadLetterQueue(queue), bindings: [] });
      const message = await dead.next();
      expect(message).toMatchObject({ body: 'bad', routingKey: 'a.b', routes: ['route.x'] });
      expect(message.headers['x-first-death-exchange']).toBe(setting.exchange);
      expect(message.headers['x-first-death-reason']).toBe('rejected');
      message.ack();
      // Whoever still consumed would declare it again.
      for (const consumer of [living, dead]) consumer.end();
      await setting.pulse.queue(queue).delete();
      expect(await setting.pulse.queue(deadLetterQueue(queue)).inspect()).toBeUndefined();
    });

    it('with a delivery limit drops a message after that many attempts without the client', async () => {
      const queue = setting.queueOf({ quorum: true, deliveryLimit: 2, deadLetter: true });
      const { messages } = await setting.consuming({ queue });
      await publish('again and again');
      for (const n of [1, 2, 3]) {
        await expect.poll(() => messages.length).toBe(n);
        expect(messages[n - 1]?.attempt).toBe(n);
        messages[n - 1]?.requeue();
      }
      const dead = await setting.consuming({ queue: deadLetterQueue(queue), bindings: [] });
      expect((await dead.next()).headers['x-first-death-reason']).toBe('delivery_limit');
      expect(messages).toHaveLength(3);
    });

    it('may have no expiry', async () => {
      const queue = setting.queueOf({ expiresMs: undefined });
      const { next, end } = await setting.consuming({ queue });
      await publish('kept');
      expect((await next()).ack()).toBe(true);
      end();
      await setting.pulse.queue(queue).delete();
    });

    it('cannot have invalid limits', () => {
      const invalid = expect.objectContaining({ kind: 'invalid' });
      expect(() => namedQueue('q', { maxLength: 0 })).toThrow(invalid);
      expect(() => ephemeralQueue('q', { maxLength: 0 })).toThrow(invalid);
      expect(() => namedQueue('q', { maxLength: 1, expiresMs: 0.5 })).toThrow(invalid);
      expect(() => namedQueue('q', { maxLength: 1, deliveryLimit: 3 })).toThrow(invalid);
      expect(() => deadLetterQueue(namedQueue('q', { maxLength: 1 }))).toThrow(invalid);
      expect(() => setting.pulse.queue(ephemeralQueue())).toThrow(invalid);
    });
  });
}
