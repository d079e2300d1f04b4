import { describe, expect, it } from 'vitest';
import type { Setting } from './setting.ts';

export function settling(setting: Setting): void {
  const publish = (body: unknown) => setting.pulse.publish(setting.exchange, 'k', body);

  describe('settling a message', () => {
    it('settles once: the second call has no effect and returns false', async () => {
      const { next } = await setting.consuming();
      await publish(1);
      const message = await next();
      expect([message.ack(), message.requeue(), message.reject(), message.settled]).toEqual([
        true,
        false,
        false,
        true,
      ]);
      await publish(2);
      expect((await next()).body).toBe(2);
    });

    it('by requeueing delivers it again, marked as redelivered', async () => {
      const { next } = await setting.consuming();
      await publish('again');
      (await next()).requeue();
      expect(await next()).toMatchObject({ body: 'again', redelivered: true });
    });

    it('of a previous connection does not settle a new one', async () => {
      const { next, events } = await setting.consuming({ queue: setting.queueOf() });
      await publish('one');
      const old = await next();
      await setting.under.cutConnections();
      const again = await next();
      expect(again).toMatchObject({ body: 'one', redelivered: true });
      expect(old.ack()).toBe(false);
      expect(events).toContainEqual({ type: 'settled-late', routingKey: 'k' });
      expect(again.ack()).toBe(true);
    });

    it('is too late after the consumer was unsubscribed, but earlier settlements count', async () => {
      const queue = setting.queueOf();
      const { messages, end } = await setting.consuming({ queue });
      await publish('acked');
      await publish('held');
      await expect.poll(() => messages.length).toBe(2);
      const [acked, held] = messages;
      expect(acked?.ack()).toBe(true);
      end();
      expect(held?.ack()).toBe(false);
      const { bodies } = await setting.consuming({ queue });
      await expect.poll(bodies).toEqual(['held']);
    });
  });
}
