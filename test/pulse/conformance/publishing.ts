import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { binding } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function publishing(setting: Setting): void {
  const publish = (body: unknown, key = 'k') => setting.pulse.publish(setting.exchange, key, body);
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

  describe('publishing', () => {
    it('transmits a body, its routing key and its CC routes', async () => {
      const { pulse, exchange, consuming } = setting;
      const { next } = await consuming({ bindings: [binding(exchange, 'route.index.*')] });
      await pulse.publish(exchange, 'primary.x', { n: 1 }, { routes: ['route.index.a', 'route.other'] });
      const message = await next();
      expect(message).toMatchObject({
        body: { n: 1 },
        exchange,
        routingKey: 'primary.x',
        routes: ['route.index.a', 'route.other'],
        redelivered: false,
      });
      expect(message.ack()).toBe(true);
    });

    it('delivers one copy to a queue that matches in several ways', async () => {
      const { pulse, exchange, consuming } = setting;
      const { messages } = await consuming({
        bindings: [binding(exchange, 'a.#'), binding(exchange, '*.b')],
      });
      await pulse.publish(exchange, 'a.b', {}, { routes: ['a.c'] });
      await sleep(100);
      expect(messages).toHaveLength(1);
    });

    it('keeps the order of one publisher', async () => {
      const { bodies } = await setting.consuming({ prefetch: 100 });
      await Promise.all(numbers(50).map(n => publish(n)));
      await expect.poll(bodies).toEqual(numbers(50));
    });

    it('reports a missing or foreign exchange by name, and continues', async () => {
      const { pulse, under } = setting;
      await expect(pulse.publish(`exchange/${under.user}/nowhere`, 'k', {})).rejects.toMatchObject({
        kind: 'not-found',
        message: expect.stringContaining('nowhere'),
      });
      await expect(pulse.publish(under.foreignExchange, 'k', {})).rejects.toMatchObject({
        kind: 'forbidden',
      });
      await publish({});
    });

    it.each(["it's", 'größe', "it' (404)"])(
      'reports a missing exchange with the unusual name %s, without effect on other messages',
      async name => {
        const { pulse, under } = setting;
        const odd = pulse.tryPublish(`exchange/${under.user}/${name}`, 'k', 1);
        const good = numbers(3).map(n => publish(n));
        expect(await odd).toMatchObject({ status: 'refused', error: { kind: 'not-found' } });
        await Promise.all(good);
      },
    );

    it('refuses only the invalid one of 100 messages in flight, and keeps the order of the others', async () => {
      const { pulse, under, consuming } = setting;
      const { messages, bodies } = await consuming({ prefetch: 1_000 });
      const nowhere = `exchange/${under.user}/nowhere-${randomUUID()}`;
      const results = await Promise.allSettled(
        numbers(100).map(n => (n === 50 ? pulse.publish(nowhere, 'k', n) : publish(n))),
      );
      const refused = results.flatMap((result, n) => (result.status === 'rejected' ? [n] : []));
      expect(refused).toEqual([50]);
      expect(results[50]).toMatchObject({ reason: { kind: 'not-found' } });
      const expected = numbers(100).filter(n => n !== 50);
      await expect.poll(() => new Set(bodies()).size).toBe(99);
      // A message whose confirmation was lost with the channel is sent again; its first copy keeps the order.
      expect([...new Set(bodies())]).toEqual(expected);
      messages.forEach(message => message.ack());
    });

    it('settles each of 100 messages once while connections are cut, and loses none', async () => {
      const { under, consuming, queueOf } = setting;
      const { bodies } = await consuming({ queue: queueOf(), prefetch: 1_000 });
      const settled: number[] = [];
      const all = numbers(100).map(async n => {
        await sleep(n / 2);
        await publish(n);
        settled.push(n);
      });
      for (let cut = 0; cut < 4; cut++) {
        await sleep(12);
        await under.cutConnections();
      }
      await Promise.all(all);
      expect(settled).toHaveLength(100);
      await expect.poll(() => new Set(bodies()).size).toBe(100);
    });

    it("cannot declare another user's exchange, and trying to has no effect on publishing", async () => {
      const { pulse } = setting;
      const before = numbers(20).map(n => publish(n));
      const forbidden = pulse.declareExchange(`exchange/somebody-else/${randomUUID()}`);
      const after = numbers(20).map(n => publish(n));
      await expect(forbidden).rejects.toMatchObject({ kind: 'forbidden' });
      await Promise.all([...before, ...after]);
    });
  });
}
