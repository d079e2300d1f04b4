import { describe, expect, it } from 'vitest';
import { ephemeralQueue, type PulseWarning } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function watching(setting: Setting): void {
  const publish = (body: unknown) => setting.pulse.publish(setting.exchange, 'k', body);
  const warned = () => {
    const warnings: PulseWarning[] = [];
    setting.pulse.warnings$.subscribe(warning => warnings.push(warning));
    return warnings;
  };

  describe('the gauges', () => {
    it('report held messages, the age of the oldest, and the messages that wait to be published', async () => {
      const { pulse, under, consuming, queueOf } = setting;
      expect(pulse.gauges().consumers).toEqual([]);
      const queue = queueOf();
      const { messages, end } = await consuming({ queue, prefetch: 5 });
      for (const n of [1, 2, 3]) await publish(n);
      await expect.poll(() => messages.length).toBe(3);
      const [held] = pulse.gauges().consumers;
      expect(held).toMatchObject({ queue: queue.nameFor(under.user), consuming: true, count: 3 });
      expect(held?.oldestMs).toBeGreaterThan(0);
      messages.forEach(message => message.ack());
      await expect.poll(() => pulse.gauges().consumers).toMatchObject([{ count: 0, oldestMs: 0 }]);
      expect(pulse.gauges().publisher).toEqual({ waiting: 0, waitingBytes: 0, unconfirmed: 0 });
      end();
      expect(pulse.gauges().consumers).toEqual([]);
    });
  });

  describe('a warning', () => {
    it.each([
      ['named', () => setting.queueOf()],
      ['ephemeral', () => ephemeralQueue('test')],
    ])('is emitted once before PulseGuardian deletes a growing queue: %s', async (_, queueOf) => {
      const warnings = warned();
      const queue = queueOf();
      const watch = { everyMs: 20, depth: 4 };
      const { events } = await setting.consuming({ queue, prefetch: 1, watch });
      for (const n of [1, 2, 3, 4, 5]) await publish(n);
      await expect.poll(() => warnings.length).toBe(1);
      expect(warnings[0]).toMatchObject({
        type: 'queue-long',
        queue: setting.pulse.gauges().consumers[0]?.queue,
        warnedAt: 2_000,
        deletedAt: 8_000,
      });
      await publish(6);
      await new Promise(resolve => setTimeout(resolve, 100));
      expect(warnings).toHaveLength(1);
      expect(events).toContainEqual(warnings[0]);
    });

    it.each([
      ['named', () => setting.queueOf()],
      ['ephemeral', () => ephemeralQueue('test', { maxLength: 2_000 })],
    ])(
      'is not the only information about a queue, whose length is available before: %s',
      async (_, queueOf) => {
        const queue = queueOf();
        const { messages } = await setting.consuming({
          queue,
          prefetch: 1,
          watch: { everyMs: 20, depth: 1_000 },
        });
        const depth = () => setting.pulse.gauges().consumers[0]?.depth;
        for (const n of [1, 2, 3]) await publish(n);
        await expect.poll(depth).toBe(3);
        messages[0]?.ack();
        await expect.poll(depth).toBe(2);
      },
    );

    it('is emitted before the broker takes back a message that is held too long, once for each', async () => {
      const warnings = warned();
      const { next } = await setting.consuming({ watch: { everyMs: 20, heldMs: 60 } });
      await publish('first');
      const first = await next();
      await expect.poll(() => warnings.length).toBe(1);
      expect(warnings[0]).toMatchObject({ type: 'held-long', limitMs: 1_800_000 });
      await new Promise(resolve => setTimeout(resolve, 100));
      expect(warnings).toHaveLength(1);
      first.ack();
      await publish('second');
      await expect.poll(() => warnings.length).toBe(2);
    });

    it('is emitted for a body above 8 KiB, which is published nevertheless', async () => {
      const warnings = warned();
      const { bodies } = await setting.consuming();
      await publish('x'.repeat(9_000));
      await publish('x'.repeat(8_000));
      await expect.poll(bodies).toHaveLength(2);
      expect(warnings).toEqual([
        { type: 'large-body', exchange: setting.exchange, routingKey: 'k', bytes: 9_002 },
      ]);
    });
  });
}
