import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { binding } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function publishingAtTheEnd(setting: Setting): void {
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

  describe('close() during publishing', () => {
    it('waits for messages that are sent again because another one was refused', async () => {
      const { pulse, exchange, under, queueOf } = setting;
      const queue = queueOf();
      await pulse.queue(queue).declare([binding(exchange, '#')]);
      await pulse.publish(exchange, 'k', 'before');
      const poisonous = pulse.tryPublish(under.foreignExchange, 'k', 0);
      const harmless = numbers(10).map(n => pulse.tryPublish(exchange, 'k', n));
      await pulse.close(60_000);
      expect(await poisonous).toMatchObject({ status: 'refused', error: { kind: 'forbidden' } });
      expect(new Set((await Promise.all(harmless)).map(({ status }) => status))).toEqual(
        new Set(['confirmed']),
      );
    });

    it('waits for a message whose aroundPublish is still running', async () => {
      const { exchange, under } = setting;
      const pulse = under.connect({
        aroundPublish: async (_, send) => {
          await sleep(50);
          return send();
        },
      });
      const sent = pulse.tryPublish(exchange, 'k', 1);
      await pulse.close(60_000);
      expect(await sent).toEqual({ status: 'confirmed' });
    });

    it('reports for each unconfirmed message whether it may have arrived', async () => {
      const { exchange, under } = setting;
      const pulse = under.connect();
      await pulse.publish(exchange, 'k', 'before');
      under.freeze();
      const body = 'x'.repeat(100_000);
      const sent = numbers(300).map(() => pulse.tryPublish(exchange, 'k', body));
      expect(pulse.gauges().publisher.waiting).toBeGreaterThan(100);
      const { unconfirmed } = pulse.gauges().publisher;
      await pulse.close(100);
      const results = await Promise.all(sent);
      expect(results.slice(0, unconfirmed)).toEqual(
        numbers(unconfirmed).map(() => ({
          status: 'expired',
          error: expect.objectContaining({ kind: 'closed', message: expect.stringContaining('arrived') }),
        })),
      );
      expect(results.slice(unconfirmed)).toEqual(
        numbers(300 - unconfirmed).map(() => ({
          status: 'refused',
          error: expect.objectContaining({ kind: 'closed' }),
        })),
      );
      under.thaw();
    });
  });
}
