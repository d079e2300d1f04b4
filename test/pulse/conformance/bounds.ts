import { setTimeout as sleep } from 'node:timers/promises';
import { BehaviorSubject, EMPTY, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ephemeralQueue } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function bounds(setting: Setting): void {
  const publish = (body: unknown) => setting.pulse.publish(setting.exchange, 'k', body);

  describe('a consumer with limits', () => {
    it('holds no more than the prefetch', async () => {
      const { messages } = await setting.consuming({ prefetch: 3 });
      for (let n = 0; n < 10; n++) await publish(n);
      await sleep(150);
      expect(messages).toHaveLength(3);
      messages[0]?.ack();
      await expect.poll(() => messages.length).toBe(4);
    });

    it.each([0, -1, 1.5, 65_536, NaN])('refuses a prefetch of %s', prefetch => {
      const options = { queue: ephemeralQueue(), bindings: [], prefetch };
      expect(() => setting.pulse.consume(options)).toThrow(expect.objectContaining({ kind: 'invalid' }));
    });

    it('gives messages to the consumer of the highest priority, as long as it accepts more', async () => {
      const queue = setting.queueOf();
      const ordinary = await setting.consuming({ queue, prefetch: 100 });
      const first = await setting.consuming({ queue, prefetch: 2, priority: 1 });
      const last = await setting.consuming({ queue, prefetch: 100, priority: -1 });
      for (let n = 0; n < 6; n++) await publish(n);
      await expect.poll(ordinary.bodies).toEqual([2, 3, 4, 5]);
      expect(first.bodies()).toEqual([0, 1]);
      expect(last.bodies()).toEqual([]);
    });

    it.each([0.5, 2 ** 31, NaN, Infinity])('refuses a priority of %s', priority => {
      const options = { queue: ephemeralQueue(), bindings: [], priority };
      expect(() => setting.pulse.consume(options)).toThrow(expect.objectContaining({ kind: 'invalid' }));
    });

    it('drops the oldest of a bounded queue', async () => {
      const queue = setting.queueOf({ maxLength: 3 });
      await setting.backlog(queue, [0, 1, 2, 3, 4]);
      const { bodies } = await setting.consuming({ queue });
      await expect.poll(bodies).toEqual([2, 3, 4]);
    });

    it('removes a queue that nobody consumes until it expires', async () => {
      const queue = setting.queueOf({ expiresMs: 200 });
      (await setting.consuming({ queue })).end();
      await publish('forgotten');
      await sleep(1_000);
      const { bodies } = await setting.consuming({ queue });
      await publish('new');
      await expect.poll(bodies).toEqual(['new']);
    });
  });

  describe('a demand', () => {
    it('is met exactly, and no message is held while it is 0', async () => {
      const queue = setting.queueOf();
      const demand$ = new BehaviorSubject(2);
      const first = await setting.consuming({ queue, demand$ });
      for (let n = 0; n < 6; n++) await publish(n);
      await expect.poll(() => first.messages.length).toBe(2);
      demand$.next(0);
      first.messages.forEach(message => message.ack());
      await sleep(100);
      expect(first.messages).toHaveLength(2);

      const other = await setting.consuming({ queue, prefetch: 10 });
      await expect.poll(other.bodies).toEqual([2, 3, 4, 5]);
      expect(other.messages.map(({ redelivered }) => redelivered)).toEqual([false, false, false, false]);
      other.messages.forEach(message => message.ack());

      demand$.next(1);
      other.end();
      await sleep(100);
      await publish('more');
      await expect.poll(() => first.messages.length).toBe(3);
    });

    it('that falls while messages are in transit takes effect: they are given back', async () => {
      const queue = setting.queueOf();
      await setting.backlog(queue, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      const demand$ = new BehaviorSubject(10);
      const first = await setting.consuming({
        queue,
        demand$,
        bindings: [],
        onEvent: () => undefined,
      });
      // Its first message is enough: the others may be in the same packet.
      const message = await first.next();
      demand$.next(0);
      const held = first.messages.length;
      const other = await setting.consuming({ queue, prefetch: 20 });
      await expect.poll(() => other.messages.length).toBe(10 - held);
      expect(first.messages).toHaveLength(held);
      expect(message.ack()).toBe(true);
    });

    it('that falls in the handler of a message takes effect for the next one', async () => {
      const queue = setting.queueOf();
      await setting.backlog(queue, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      const demand$ = new BehaviorSubject(10);
      const seen: unknown[] = [];
      const consumer = setting.pulse.consume({ queue, demand$, bindings: [] }).subscribe(message => {
        seen.push(message.body);
        demand$.next(0);
      });
      await expect.poll(() => seen).toEqual([0]);
      const other = await setting.consuming({ queue, prefetch: 20 });
      await expect.poll(() => [...other.bodies()].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(seen).toEqual([0]);
      consumer.unsubscribe();
    });

    it('below 0 counts as 0', async () => {
      const queue = setting.queueOf();
      const demand$ = new BehaviorSubject(-1);
      const { messages } = await setting.consuming({ queue, demand$ });
      await publish('wanted later');
      await sleep(50);
      expect(messages).toEqual([]);
      demand$.next(1);
      await expect.poll(() => messages.length).toBe(1);
    });

    it('may be larger than AMQP allows', async () => {
      const { bodies } = await setting.consuming({ demand$: new BehaviorSubject(Infinity) });
      await publish(1);
      await expect.poll(bodies).toEqual([1]);
    });

    it('that is not a number ends the stream, and no other', async () => {
      const { bodies } = await setting.consuming();
      const other = await setting.consuming({ demand$: new BehaviorSubject(NaN) }).catch((e: unknown) => e);
      expect(other).toMatchObject({ kind: 'invalid' });
      await publish(1);
      await expect.poll(bodies).toEqual([1]);
    });

    it('that fails ends the stream with its error', async () => {
      const failing = setting.consuming({ demand$: throwError(() => new Error('no idea')) });
      await expect(failing).rejects.toThrow('no idea');
    });

    it('that never emits counts as 0', async () => {
      const { messages } = await setting.consuming({ demand$: EMPTY });
      await publish('unwanted');
      await sleep(50);
      expect(messages).toEqual([]);
    });

    it('that emits once is remembered after a reconnect', async () => {
      const demand$ = new Subject<number>();
      const { bodies, events } = await setting.consuming({ queue: setting.queueOf(), demand$ });
      demand$.next(5);
      await setting.under.cutConnections();
      await expect.poll(() => events.filter(({ type }) => type === 'consuming').length).toBe(2);
      await publish('after');
      await expect.poll(bodies).toEqual(['after']);
    });

    it('may pause an ephemeral queue, which keeps the messages that arrive meanwhile', async () => {
      const demand$ = new BehaviorSubject(1);
      const { messages, bodies, events } = await setting.consuming({ queue: ephemeralQueue(), demand$ });
      await publish(0);
      await expect.poll(() => messages.length).toBe(1);
      demand$.next(0);
      messages[0]?.ack();
      await sleep(50);
      await publish(1);
      await publish(2);
      demand$.next(2);
      await expect.poll(bodies).toEqual([0, 1, 2]);
      expect(events.map(({ type }) => type)).toEqual(['consuming']);
    });

    it('of 0 does not let a queue expire', async () => {
      const queue = setting.queueOf({ expiresMs: 400 });
      const demand$ = new BehaviorSubject(0);
      const { bodies } = await setting.consuming({ queue, demand$ });
      await publish('kept');
      await sleep(1_500);
      demand$.next(1);
      await expect.poll(bodies).toEqual(['kept']);
    });
  });
}
