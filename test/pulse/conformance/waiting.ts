import { setTimeout as sleep } from 'node:timers/promises';
import { BehaviorSubject, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ephemeralQueue, retryLater } from '../../../src/pulse/index.ts';
import { handlingIn } from './handling.ts';
import type { Setting } from './setting.ts';

const MINUTES_MS = 600_000;
const KINDS = [
  ['a classic queue', {}],
  ['a quorum queue', { quorum: true }],
] as const;

/** Messages that failed, and are to be tried again in minutes. */
export function waiting(setting: Setting): void {
  const handled = handlingIn(setting);
  const publish = (body: unknown) => setting.pulse.publish(setting.exchange, 'k', body);
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
  const held = () => setting.pulse.gauges().consumers[0]?.count;

  describe('a message that waits for a retry', () => {
    it.each(KINDS)('does not delay others, however many wait, with %s', async (_, kind) => {
      const queue = setting.queueOf(kind);
      await setting.backlog(queue, [...numbers(50).map(() => 'later'), ...numbers(100)]);
      const done: unknown[] = [];
      const { results, leave } = await handled(
        queue,
        ({ body }) => (body === 'later' ? retryLater(MINUTES_MS) : done.push(body)),
        { concurrency: 1 },
      );
      await expect.poll(() => done).toEqual(numbers(100));
      expect(results).toHaveLength(150);
      // With a classic queue they are held here only now: their copies came behind the others.
      await expect.poll(held).toBe(50);
      await publish('one more');
      await expect.poll(() => done.at(-1)).toBe('one more');
      expect(await setting.pulse.queue(queue).inspect()).toMatchObject({ messages: 0 });
      leave();
      await expect.poll(() => setting.pulse.queue(queue).inspect()).toEqual({ messages: 50, consumers: 0 });
    });

    it.each(KINDS)('does not delay others after an exception either, with %s', async (_, kind) => {
      const queue = setting.queueOf(kind);
      // Not so many in a row that it looks like an outage.
      const bodies = numbers(60).map(n => (n % 5 === 4 ? n : 'bad'));
      await setting.backlog(queue, bodies);
      const done: unknown[] = [];
      await handled(
        queue,
        ({ body }) => {
          if (body === 'bad') throw new Error('never');
          done.push(body);
        },
        { concurrency: 1, retry: { backoff: { baseMs: MINUTES_MS, capMs: MINUTES_MS } } },
      );
      await expect.poll(() => done).toEqual(bodies.filter(body => body !== 'bad'));
      await expect.poll(held).toBe(48);
    });

    it.each(KINDS)('is requeued at once when the consumer is stopped, with %s', async (_, kind) => {
      const queue = setting.queueOf(kind);
      await setting.backlog(queue, numbers(20));
      const until$ = new Subject<void>();
      const { ended, results } = await handled(
        queue,
        () => retryLater(MINUTES_MS),
        { concurrency: 2 },
        { until$ },
      );
      await expect.poll(() => results.length).toBe(20);
      await expect.poll(held).toBe(20);
      until$.next();
      expect(await ended).toBe('complete');
      await expect.poll(() => setting.pulse.queue(queue).inspect()).toEqual({ messages: 20, consumers: 0 });
      const { messages } = await setting.consuming({ queue, prefetch: 100 });
      await expect.poll(() => messages.map(({ attempt }) => attempt)).toEqual(numbers(20).map(() => 2));
    });

    it('is handled when it is due, even if others wait', async () => {
      const queue = setting.queueOf({ quorum: true });
      await setting.backlog(queue, ['soon', ...numbers(5).map(() => 'later')]);
      const { results } = await handled(
        queue,
        ({ body }, { attempt }) => {
          if (body === 'later') return retryLater(MINUTES_MS);
          return attempt === 1 ? retryLater(300) : undefined;
        },
        { concurrency: 1 },
      );
      await expect
        .poll(() => results.at(-1))
        .toMatchObject({ message: { body: 'soon' }, outcome: 'acked', attempts: 2 });
      expect(results).toHaveLength(7);
    });

    it('does not lose an auto-delete queue', async () => {
      const queue = ephemeralQueue('waiting');
      const done: unknown[] = [];
      await handled(queue, ({ body }) => (body === 'later' ? retryLater(MINUTES_MS) : done.push(body)), {
        concurrency: 1,
      });
      for (const n of numbers(5)) {
        await publish('later');
        await publish(n);
      }
      await expect.poll(() => done).toEqual(numbers(5));
      await expect.poll(held).toBe(5);
    });

    it('is held while there is no demand, and does not delay others afterwards', async () => {
      const queue = setting.queueOf({ quorum: true });
      await setting.backlog(
        queue,
        numbers(4).map(() => 'later'),
      );
      const paused$ = new BehaviorSubject(false);
      const done: unknown[] = [];
      await handled(
        queue,
        ({ body }) => (body === 'later' ? retryLater(MINUTES_MS) : done.push(body)),
        { concurrency: 1 },
        { paused$ },
      );
      await expect.poll(held).toBe(4);
      paused$.next(true);
      await sleep(50);
      await publish('good');
      await sleep(100);
      expect(done).toEqual([]);
      paused$.next(false);
      await expect.poll(() => done).toEqual(['good']);
      expect(held()).toBe(4);
    });
  });
}
