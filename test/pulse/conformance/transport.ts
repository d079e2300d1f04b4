import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery, TransportChannel, TransportConnection } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

/** What the library builds on, and what the in-memory broker has to do as RabbitMQ does it. */
export function transport(setting: Setting): void {
  describe('the transport', () => {
    let connection: TransportConnection;
    let channel: TransportChannel;
    let queue: string;
    const open = () => connection.openChannel({ confirms: true });

    beforeEach(async () => {
      connection = await setting.under.transport.connect(setting.under.login);
      channel = await open();
      const spec = setting.queueOf();
      queue = spec.nameFor(setting.under.user);
      await channel.declareQueue(queue, spec.options);
      await channel.bindQueue(queue, setting.exchange, '#');
    });
    afterEach(() => connection.close());

    const publish = async (count: number) => {
      for (let n = 0; n < count; n++) await setting.pulse.publish(setting.exchange, 'k', n);
    };
    const consume = async (prefetch: number, from = channel) => {
      const deliveries: Delivery[] = [];
      let cancelled = 0;
      const tag = await from.consume(
        queue,
        prefetch,
        delivery => deliveries.push(delivery),
        () => cancelled++,
      );
      return {
        tag,
        deliveries,
        cancelled: () => cancelled,
        bodies: () => deliveries.map(({ content }) => JSON.parse(Buffer.from(content).toString()) as number),
        redelivered: () => deliveries.map(({ redelivered }) => redelivered),
      };
    };

    it('closes a channel on which a message is settled twice, and redelivers the messages that it held', async () => {
      await publish(2);
      const first = await consume(10);
      await expect.poll(first.bodies).toEqual([0, 1]);
      channel.ack(first.deliveries[0]?.deliveryTag ?? 0);
      channel.ack(first.deliveries[0]?.deliveryTag ?? 0);
      const error = await channel.closed;
      expect(error.transient).toBe(true);
      expect(() => {
        channel.ack(first.deliveries[1]?.deliveryTag ?? 0);
      }).toThrow(error.message);
      const second = await consume(10, await open());
      await expect.poll(second.bodies).toEqual([1]);
      expect(second.redelivered()).toEqual([true]);
    });

    it('puts requeued messages back in their former place', async () => {
      await publish(5);
      const first = await consume(4);
      await expect.poll(first.bodies).toEqual([0, 1, 2, 3]);
      await channel.cancel(first.tag);
      for (const n of [0, 3, 1]) channel.nack(first.deliveries[n]?.deliveryTag ?? 0);
      const second = await consume(10);
      await expect.poll(second.bodies).toEqual([0, 1, 3, 4]);
      await channel.close();
      const third = await consume(10, await open());
      await expect.poll(third.bodies).toEqual([0, 1, 2, 3, 4]);
      expect(third.redelivered()).toEqual([true, true, true, true, true]);
    });

    it('drops the oldest messages even when messages are requeued', async () => {
      const spec = setting.queueOf({ maxLength: 3 });
      queue = spec.nameFor(setting.under.user);
      await channel.declareQueue(queue, spec.options);
      await channel.bindQueue(queue, setting.exchange, '#');
      const first = await consume(2);
      await publish(5);
      await expect.poll(first.bodies).toEqual([0, 1]);
      await channel.close();
      const second = await consume(10, await open());
      await expect.poll(second.bodies).toEqual([2, 3, 4]);
    });

    it('serves consumers in turn, and skips one whose prefetch is used up', async () => {
      const first = await consume(2);
      const second = await consume(10, await open());
      await publish(6);
      await expect.poll(() => first.bodies().length + second.bodies().length).toBe(6);
      expect(first.bodies()).toEqual([0, 2]);
      expect(second.bodies()).toEqual([1, 3, 4, 5]);
    });

    it('drops a rejected message', async () => {
      await publish(2);
      const first = await consume(1);
      await expect.poll(first.bodies).toEqual([0]);
      channel.reject(first.deliveries[0]?.deliveryTag ?? 0, false);
      await expect.poll(first.bodies).toEqual([0, 1]);
      await channel.close();
      const second = await consume(10, await open());
      await expect.poll(second.bodies).toEqual([1]);
    });

    it('delivers nothing after a cancel is confirmed, and reports a deleted queue', async () => {
      const first = await consume(10);
      const second = await consume(10);
      await channel.cancel(first.tag);
      await publish(2);
      await expect.poll(second.bodies).toEqual([0, 1]);
      expect(first.bodies()).toEqual([]);
      await setting.under.deleteQueue(queue);
      await expect.poll(second.cancelled).toBe(1);
      expect(first.cancelled()).toBe(0);
      await expect(consume(1)).rejects.toMatchObject({ kind: 'not-found' });
    });

    it('locks an exclusive queue (405), and removes it with its connection', async () => {
      const name = `${queue}-exclusive`;
      const options = { exclusive: true, durable: false, autoDelete: false };
      const owner = await setting.under.transport.connect(setting.under.login);
      await (await owner.openChannel({ confirms: false })).declareQueue(name, options);
      const attempts = [
        async () => (await open()).declareQueue(name, options),
        async () => (await open()).bindQueue(name, setting.exchange, '#'),
        async () =>
          (await open()).consume(
            name,
            1,
            () => undefined,
            () => undefined,
          ),
      ];
      for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ kind: 'locked' });
      await owner.close();
      await expect.poll(() => attempts[0]?.().then(() => 'declared')).toBe('declared');
    });

    it('deletes an auto-delete queue after its last consumer, but not before its first', async () => {
      const name = `${queue}-auto`;
      const options = { exclusive: false, durable: true, autoDelete: true };
      await channel.declareQueue(name, options);
      const none = () => undefined;
      const first = await channel.consume(name, 1, none, none);
      const second = await channel.consume(name, 1, none, none);
      await channel.cancel(first);
      await channel.bindQueue(name, setting.exchange, '#');
      await channel.cancel(second);
      await expect(channel.bindQueue(name, setting.exchange, '#')).rejects.toMatchObject({
        kind: 'not-found',
      });
    });

    it('settles every call and every close when the connection is cut', async () => {
      const calls = [
        open(),
        channel.bindQueue(queue, setting.exchange, 'x'),
        new Promise(settled => {
          channel.publish(setting.exchange, 'k', Buffer.from('1'), { routes: [] }, settled);
        }),
        channel.close(),
        connection.close(),
      ].map(call =>
        call.then(
          () => 'settled',
          () => 'settled',
        ),
      );
      await setting.under.cutConnections();
      expect(await Promise.all(calls)).toEqual(calls.map(() => 'settled'));
      expect((await channel.closed).kind).toBe('connection');
      expect((await connection.closed).kind).toBe('connection');
      await channel.close();
      await connection.close();
      await expect(open()).rejects.toMatchObject({ kind: 'connection' });
      await sleep(0);
    });
  });
}
