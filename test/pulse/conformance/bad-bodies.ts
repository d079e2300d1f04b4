import { config, Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { binding } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function badBodies(setting: Setting): void {
  /** Publishes what `publish` never would. */
  const publishBytes = async (content: Uint8Array, key = 'k') => {
    const connection = await setting.under.transport.connect(setting.under.login);
    const channel = await connection.openChannel({ confirms: true });
    await new Promise(settled => {
      channel.publish(setting.exchange, key, content, { routes: [] }, settled);
    });
    await connection.close();
  };
  const publish = (body: unknown) => setting.pulse.publish(setting.exchange, 'k', body);

  describe('bad bodies', () => {
    it('are reported, settled by the policy, and do not end the stream', async () => {
      const picky = binding<number>(setting.exchange, '#', body =>
        typeof body === 'number' ? [] : ['/ must be a number'],
      );
      const { next, events } = await setting.consuming({ bindings: [picky], prefetch: 1 });
      await publish('no number');
      await publish(7);
      expect((await next()).body).toBe(7);
      expect(events).toContainEqual(
        expect.objectContaining({ type: 'bad-message', problems: ['/ must be a number'] }),
      );
    });

    it.each([
      ['invalid JSON', Buffer.from('{"n": 1')],
      ['empty', Buffer.alloc(0)],
      ['invalid UTF-8', Buffer.from([0x22, 0xc3, 0x22])],
    ])('may be %s', async (_, content) => {
      const { next, events } = await setting.consuming({ prefetch: 1 });
      await publishBytes(content);
      await publish('good');
      expect((await next()).body).toBe('good');
      expect(events).toContainEqual(
        expect.objectContaining({
          type: 'bad-message',
          problems: [expect.stringContaining('not UTF-8 JSON')],
        }),
      );
    });

    it('may be too long to be parsed', async () => {
      const { next, events } = await setting.consuming({ prefetch: 1, maxBodyBytes: 10 });
      for (const body of ['123456789', '12345678']) await publish(body);
      expect((await next()).body).toBe('12345678');
      expect(events).toContainEqual(
        expect.objectContaining({
          type: 'bad-message',
          problems: ['the body has 11 bytes, and maxBodyBytes allows 10'],
        }),
      );
      for (const maxBodyBytes of [0, NaN, -1]) {
        await expect(setting.consuming({ maxBodyBytes })).rejects.toMatchObject({ kind: 'invalid' });
      }
    });

    it('may have 128 MiB for the broker, and are bad by default above 16 MiB', async () => {
      const { next, events } = await setting.consuming({ prefetch: 1 });
      await publishBytes(Buffer.alloc(16 * 1024 * 1024 + 1, '['));
      await publish('good');
      expect((await next()).body).toBe('good');
      expect(events).toContainEqual(
        expect.objectContaining({
          type: 'bad-message',
          problems: ['the body has 16777217 bytes, and maxBodyBytes allows 16777216'],
        }),
      );
    });

    it('may be nested deeply: they are accepted, or reported as too deep to be checked', async () => {
      const lists = { type: 'array', items: { $ref: '#' } };
      const { next, events } = await setting.consuming({
        bindings: [binding(setting.exchange, 'any.#'), binding(setting.exchange, 'lists.#', lists)],
      });
      const depth = 100_000;
      const content = Buffer.from('['.repeat(depth) + ']'.repeat(depth));
      for (const key of ['lists.deep', 'any.deep']) await publishBytes(content, key);
      await setting.pulse.publish(setting.exchange, 'lists.flat', []);
      expect((await next()).routingKey).toBe('any.deep');
      expect((await next()).routingKey).toBe('lists.flat');
      expect(events).toContainEqual(
        expect.objectContaining({
          type: 'bad-message',
          problems: [expect.stringContaining('cannot be checked')],
        }),
      );
    });

    it('have a short list of problems, whatever the check of a binding returns', async () => {
      const wordy = binding(setting.exchange, '#', body =>
        body === 'good' ? [] : Array.from({ length: 300_001 }, () => `\u001b[2J${'x'.repeat(1_000)}`),
      );
      const { next, events } = await setting.consuming({ bindings: [wordy], prefetch: 1 });
      for (const body of ['bad', 'good']) await publish(body);
      await next();
      const bad = events.find(event => event.type === 'bad-message');
      expect(bad?.problems).toHaveLength(21);
      expect(bad?.problems[0]).toMatch(/^\\u001b\[2Jx{290,300}…$/);
      expect(bad?.problems.at(-1)).toBe('299981 more problems');
    });

    it('are requeued if the policy says so, for another consumer', async () => {
      const queue = setting.queueOf();
      const strict = binding(setting.exchange, '#', () => ['/ must be something else']);
      const { messages } = await setting.consuming({
        queue,
        bindings: [strict],
        onBadMessage: 'requeue',
        prefetch: 1,
      });
      const { next } = await setting.consuming({ queue, bindings: [] });
      await publish('odd');
      const message = await next();
      expect(message.body).toBe('odd');
      expect(message.ack()).toBe(true);
      expect(messages).toEqual([]);
    });

    it('are requeued after a delay, and do not delay other messages meanwhile', async () => {
      const queue = setting.queueOf();
      const picky = binding(setting.exchange, '#', body => (body === 'odd' ? ['odd'] : []));
      const until$ = new Subject<void>();
      const { bodies, messages, events, ended } = await setting.consuming({
        queue,
        bindings: [picky],
        onBadMessage: 'requeue',
        prefetch: 1,
        until$,
      });
      const bad = () => events.filter(({ type }) => type === 'bad-message').length;
      await publish('odd');
      await publish('good');
      await expect.poll(bodies).toEqual(['good']);
      // Thousands of times, if it came straight back.
      const before = bad();
      expect(before).toBeLessThan(60);
      messages[0]?.ack();
      await expect.poll(bad).toBeGreaterThan(before);
      until$.next();
      expect(await ended).toBe('complete');
      await expect.poll(async () => (await setting.pulse.queue(queue).inspect())?.messages).toBe(1);
    });

    it('include bodies for which the check of their binding throws', async () => {
      const naive = binding<{ a: { b: number } }>(setting.exchange, '#', body =>
        (body as { a: { b: number } }).a.b > 0 ? [] : ['/a/b must be more than 0'],
      );
      const { next, events } = await setting.consuming({ bindings: [naive], prefetch: 1 });
      await publish({});
      await publish({ a: { b: 1 } });
      expect((await next()).body).toEqual({ a: { b: 1 } });
      expect(events).toContainEqual(expect.objectContaining({ type: 'bad-message' }));
    });
  });

  describe('an error that is thrown', () => {
    const reported: unknown[] = [];

    beforeEach(() => {
      reported.length = 0;
      config.onUnhandledError = error => reported.push(error);
    });
    afterEach(() => {
      config.onUnhandledError = null;
    });

    it('in the callback for events is reported like one of a subscriber, and breaks nothing', async () => {
      const { next, events } = await setting.consuming({
        prefetch: 1,
        bindings: [binding(setting.exchange, '#', body => (body === 'bad' ? ['bad'] : []))],
        onEvent: ({ type }) => {
          throw new Error(`not ready for ${type}`);
        },
      });
      await publish('bad');
      await publish('good');
      expect((await next()).body).toBe('good');
      expect(events.map(({ type }) => type)).toEqual(['consuming', 'bad-message']);
      await expect
        .poll(() => reported)
        .toEqual([new Error('not ready for consuming'), new Error('not ready for bad-message')]);
    });

    it('in the subscriber is reported, and the stream continues', async () => {
      const queue = setting.queueOf();
      await setting.backlog(queue, ['one', 'two']);
      const throwing = setting.pulse.consume({ queue, bindings: [] }).subscribe(({ body }) => {
        throw new Error(`cannot handle ${String(body)}`);
      });
      await expect
        .poll(() => reported)
        .toEqual([new Error('cannot handle one'), new Error('cannot handle two')]);
      throwing.unsubscribe();
      const { bodies } = await setting.consuming({ queue });
      await expect.poll(bodies).toEqual(['one', 'two']);
    });
  });
}
