import { describe, expect, it } from 'vitest';
import { binding } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function publishResults(setting: Setting): void {
  describe('the result of publishing', () => {
    it('is that the broker has the message, or that no queue matched it', async () => {
      const { pulse, exchange, consuming } = setting;
      await consuming({ bindings: [binding(exchange, 'wanted.#')] });
      const things = pulse.publisher(exchange, { mandatory: true });
      const results = await Promise.all(
        ['wanted.1', 'unwanted', 'wanted.2', 'unwanted'].map(key => things.tryPublish(key, {})),
      );
      expect(results.map(({ status }) => status)).toEqual(['confirmed', 'returned', 'confirmed', 'returned']);
      expect(results[1]).toMatchObject({
        error: { kind: 'returned', message: expect.stringContaining('unwanted') },
      });
      expect(await pulse.tryPublish(exchange, 'unwanted', {})).toEqual({ status: 'confirmed' });
      await expect(things.publish('unwanted', {})).rejects.toMatchObject({ kind: 'returned' });
    });

    it('is nacked if a full queue refuses the message', async () => {
      const { pulse, exchange, queueOf } = setting;
      const queue = pulse.queue(queueOf({ maxLength: 2, overflow: 'reject-publish' }));
      await queue.declare([binding(exchange, '#')]);
      const statuses: string[] = [];
      for (const n of [1, 2, 3, 4, 5]) statuses.push((await pulse.tryPublish(exchange, 'k', n)).status);
      expect(statuses.slice(0, 2)).toEqual(['confirmed', 'confirmed']);
      expect(statuses.at(-1)).toBe('nacked');
      await expect(pulse.publish(exchange, 'k', 6)).rejects.toMatchObject({ kind: 'nacked' });
      await queue.purge();
      expect(await pulse.tryPublish(exchange, 'k', 7)).toEqual({ status: 'confirmed' });
    });

    it('is nacked if one queue has refused the message, even if others have it', async () => {
      const { pulse, exchange, queueOf } = setting;
      const full = pulse.queue(queueOf({ maxLength: 1, overflow: 'reject-publish' }));
      const free = pulse.queue(queueOf());
      for (const queue of [full, free]) await queue.declare([binding(exchange, '#')]);
      const statuses: string[] = [];
      for (const n of [1, 2, 3, 4]) statuses.push((await pulse.tryPublish(exchange, 'k', n)).status);
      expect([statuses[0], statuses.at(-1)]).toEqual(['confirmed', 'nacked']);
      await expect.poll(async () => (await free.inspect())?.messages).toBe(4);
    });

    it('is refused, by this client or by the broker, with the reason in the error', async () => {
      const { pulse, exchange, under } = setting;
      const refused = async (...args: Parameters<typeof pulse.tryPublish>) => {
        const result = await pulse.tryPublish(...args);
        return [result.status, result.status === 'confirmed' ? undefined : result.error.kind];
      };
      expect(await refused(exchange, 'x'.repeat(256), 1)).toEqual(['refused', 'invalid']);
      expect(await refused(exchange, 'k', 1n)).toEqual(['refused', 'invalid']);
      expect(await refused(exchange, 'k', 1, { routes: ['x'.repeat(256)] })).toEqual(['refused', 'invalid']);
      expect(await refused(exchange, 'k', 1, { headers: { h: 'x'.repeat(70_000) } })).toEqual([
        'refused',
        'invalid',
      ]);
      for (const deadlineMs of [NaN, 0, -1]) {
        expect(await refused(exchange, 'k', 1, { deadlineMs })).toEqual(['refused', 'invalid']);
        expect(() => pulse.publisher(exchange, { deadlineMs })).toThrow(
          expect.objectContaining({ kind: 'invalid' }),
        );
      }
      expect(await pulse.tryPublish(exchange, 'k', 1, { deadlineMs: Infinity })).toEqual({
        status: 'confirmed',
      });
      expect(await refused(under.foreignExchange, 'k', 1)).toEqual(['refused', 'forbidden']);
      expect(await refused(`${exchange}-not-there`, 'k', 1)).toEqual(['refused', 'not-found']);
    });

    it('is expired if no confirmation arrives in time over a silent network', async () => {
      const { pulse, exchange, under } = setting;
      await pulse.publish(exchange, 'k', 'before');
      under.freeze();
      const results = await Promise.all(
        [100, 150, 100].map(deadlineMs => pulse.tryPublish(exchange, 'k', 1, { deadlineMs })),
      );
      expect(results.map(({ status }) => status)).toEqual(['expired', 'expired', 'expired']);
      expect(results[0]).toMatchObject({ error: { kind: 'connection' } });
      under.thaw();
      expect(await pulse.tryPublish(exchange, 'k', 'after')).toEqual({ status: 'confirmed' });
    });

    it('is refused if too many messages wait while there is no broker', async () => {
      const { under, exchange } = setting;
      const pulse = under.connect({
        publishBounds: { messages: 3 },
        credentials: () => {
          throw new Error('the vault is sealed');
        },
      });
      const results = Promise.all(
        [1, 2, 3, 4, 5].map(n => pulse.tryPublish(exchange, 'k', n, { deadlineMs: 200 })),
      );
      await expect(pulse.publish(exchange, 'k', 6)).rejects.toMatchObject({ kind: 'full' });
      expect(pulse.gauges().publisher).toEqual({ waiting: 3, waitingBytes: 3, unconfirmed: 0 });
      expect((await results).map(({ status }) => status)).toEqual([
        ...['expired', 'expired', 'expired', 'refused', 'refused'],
      ]);
      expect(await pulse.tryPublish(exchange, 'k', 7, { deadlineMs: 50 })).toMatchObject({
        status: 'expired',
        error: { message: expect.stringContaining('the vault is sealed') },
      });
      await pulse.close(0);
    });

    it('is refused if the message alone is larger than the limit for waiting messages', async () => {
      const { under, exchange } = setting;
      const pulse = under.connect({ publishBounds: { bytes: 1_000 } });
      expect(await pulse.tryPublish(exchange, 'k', 'x'.repeat(1_000))).toMatchObject({
        status: 'refused',
        error: { kind: 'invalid', message: expect.stringContaining('1002 bytes') },
      });
      expect(await pulse.tryPublish(exchange, 'k', 'x'.repeat(998))).toEqual({ status: 'confirmed' });
      await pulse.close();
      expect(() => under.connect({ publishBounds: { bytes: NaN } })).toThrow(
        expect.objectContaining({ kind: 'invalid', message: expect.stringContaining('publishBounds.bytes') }),
      );
    });

    it('is reported for each message, whatever else fails: schemas are checked before anything is sent', async () => {
      const { pulse, exchange, consuming } = setting;
      const { bodies } = await consuming();
      const schema = { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } };
      const things = pulse.publisher<{ id: unknown }>(exchange, { schema });
      const results = await Promise.all([
        things.tryPublish('k', { id: 1 }),
        things.tryPublish('k', { id: 'one' }),
      ]);
      expect(results).toMatchObject([
        { status: 'confirmed' },
        {
          status: 'refused',
          error: { kind: 'invalid', message: expect.stringContaining('/id must be integer') },
        },
      ]);
      const naive = pulse.publisher<unknown>(exchange, {
        schema: () => {
          throw new Error('oh');
        },
      });
      expect(await naive.tryPublish('k', 1)).toMatchObject({ status: 'refused', error: { kind: 'invalid' } });
      expect(() => pulse.publisher(exchange, { schema: { type: 'nonsense' } })).toThrow(
        expect.objectContaining({ kind: 'invalid' }),
      );
      await expect.poll(bodies).toEqual([{ id: 1 }]);
    });

    it('is available to aroundPublish, which can add headers', async () => {
      const { under, exchange, consuming } = setting;
      const { next } = await consuming();
      const seen: unknown[] = [];
      const pulse = under.connect({
        aroundPublish: async ({ routingKey }, send) => {
          const result = await send({ traceparent: '00-1-2-01' });
          seen.push([routingKey, result.status]);
          return result;
        },
      });
      await pulse.publisher(exchange, { headers: { own: 1 } }).publish('k', {});
      expect((await next()).headers).toMatchObject({ own: 1, traceparent: '00-1-2-01' });
      expect(seen).toEqual([['k', 'confirmed']]);
      await pulse.close();
    });
  });
}
