import { setTimeout as sleep } from 'node:timers/promises';
import { config } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { retryExchange, retryPattern } from '../../../src/pulse/topology/attempts.ts';
import { binding, type HandleEvent } from '../../../src/pulse/index.ts';
import { handlingIn } from './handling.ts';
import type { Setting } from './setting.ts';

export function outages(setting: Setting): void {
  const handled = handlingIn(setting);

  describe('an outage of a dependency of the handler', () => {
    it('loses nothing, causes no hot loop, pauses the consumption, and costs waiting messages no attempts', async () => {
      const queue = setting.queueOf();
      const count = 60;
      await setting.backlog(
        queue,
        Array.from({ length: count }, (_, n) => n),
      );
      let down = true;
      let calls = 0;
      const events: HandleEvent[] = [];
      const done = new Set<unknown>();
      const { results } = await handled(
        queue,
        ({ body }) => {
          calls++;
          if (down) throw new Error('the database is away');
          done.add(body);
        },
        { concurrency: 4, onEvent: event => events.push(event) },
      );
      await expect.poll(() => events.map(({ type }) => type)).toContain('paused');
      await sleep(400);
      // The first that failed together, and one at most that was let through since.
      expect(calls).toBeLessThanOrEqual(8);
      expect(setting.pulse.gauges().consumers[0]?.count).toBeLessThanOrEqual(8);
      const inQueue = await setting.pulse.queue(queue).inspect();
      expect(inQueue?.messages).toBeGreaterThanOrEqual(count - 8);
      down = false;
      await expect.poll(() => done.size).toBe(count);
      expect(events.map(({ type }) => type)).toContain('resumed');
      expect(Math.max(...results.map(({ attempts }) => attempts))).toBeLessThanOrEqual(3);
      expect(results.filter(({ outcome }) => outcome === 'rejected')).toEqual([]);
    });

    it('keeps no messages of a lost channel: each is handled once when it is delivered again', async () => {
      const queue = setting.queueOf();
      await setting.backlog(
        queue,
        Array.from({ length: 20 }, (_, n) => n),
      );
      const retries = retryExchange(setting.under.user);
      await setting.pulse.declareExchange(retries);
      const copies = await setting.consuming({
        bindings: [binding(retries, retryPattern(queue.nameFor(setting.under.user)))],
        prefetch: 100,
      });
      let down = true;
      const events: HandleEvent[] = [];
      const done: unknown[] = [];
      const { outcomes } = await handled(
        queue,
        ({ body }) => {
          if (down) throw new Error('the database is away');
          done.push(body);
        },
        { concurrency: 4, onEvent: event => events.push(event) },
      );
      await expect.poll(() => events.map(({ type }) => type)).toContain('paused');
      // A copy that is still on its way would be published twice.
      const failed = () => outcomes().filter(outcome => outcome === 'retried').length;
      await expect.poll(() => copies.messages.length === failed()).toBe(true);
      await expect.poll(() => setting.pulse.gauges().publisher).toMatchObject({ waiting: 0, unconfirmed: 0 });
      await sleep(50);
      copies.end();
      for (let cut = 0; cut < 3; cut++) {
        await setting.under.cutConnections();
        await expect
          .poll(() => setting.pulse.gauges().consumers)
          .toMatchObject([{ consuming: true, count: 8 }]);
      }
      down = false;
      await expect.poll(() => new Set(done).size).toBe(20);
      await sleep(100);
      expect(done).toHaveLength(20);
      expect(outcomes()).not.toContain('lost');
    });

    it('ends even if a handler that started before never does', async () => {
      const queue = setting.queueOf();
      const bodies = Array.from({ length: 40 }, (_, n) => n);
      await setting.backlog(queue, bodies);
      let down = true;
      const events: HandleEvent[] = [];
      const done = new Set<unknown>();
      await handled(
        queue,
        ({ body }) => {
          if (body === 0) return new Promise(() => undefined);
          if (down) throw new Error('the database is away');
          done.add(body);
          return undefined;
        },
        { concurrency: 4, onEvent: event => events.push(event) },
      );
      await expect.poll(() => events.map(({ type }) => type)).toContain('paused');
      down = false;
      await expect.poll(() => done.size).toBe(39);
      expect(events.at(-1)).toEqual({ type: 'resumed' });
    });

    it('is reported, and an error of the callback for that is reported, too, and ends nothing', async () => {
      const reported: unknown[] = [];
      config.onUnhandledError = error => reported.push(error);
      try {
        let down = true;
        const done: unknown[] = [];
        await handled(
          setting.queueOf(),
          async ({ body }) => {
            if (down) throw new Error('the database is away');
            done.push(body);
          },
          {
            concurrency: 1,
            // However late the messages arrive, none is given up before.
            retry: { attempts: Infinity, backoff: { baseMs: 20, capMs: 50 } },
            onEvent: ({ type }) => {
              throw new Error(`not ready for ${type}`);
            },
          },
        );
        for (let n = 0; n < 6; n++) await setting.pulse.publish(setting.exchange, 'k', n);
        // Five failures are not enough: some may be later attempts, which do not open the circuit.
        await expect.poll(() => reported.map(String)).toContain('Error: not ready for paused');
        down = false;
        await expect.poll(() => [...done].sort()).toEqual([0, 1, 2, 3, 4, 5]);
        await expect
          .poll(() => [...new Set(reported.map(String))])
          .toEqual(['Error: not ready for paused', 'Error: not ready for resumed']);
      } finally {
        config.onUnhandledError = null;
      }
    });

    it('is not assumed because of one bad message', async () => {
      const queue = setting.queueOf();
      const events: HandleEvent[] = [];
      const { outcomes } = await handled(
        queue,
        ({ body }) => {
          if (body === 'bad') throw new Error('always');
        },
        {
          retry: { attempts: 12, backoff: { baseMs: 1, capMs: 2 } },
          onEvent: event => events.push(event),
        },
      );
      await setting.pulse.publish(setting.exchange, 'k', 'bad');
      await expect.poll(() => outcomes().at(-1)).toBe('rejected');
      expect(outcomes()).toHaveLength(12);
      expect(events).toEqual([]);
    });
  });
}
