import { setTimeout as sleep } from 'node:timers/promises';
import { firstValueFrom, of, Subject, take, throwError, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { binding, type PulseMessage } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function stopping(setting: Setting): void {
  const publish = (body: unknown) => setting.pulse.publish(setting.exchange, 'k', body);

  describe('until$', () => {
    it('completes the stream after the consumer is cancelled, and delivered messages can still be settled', async () => {
      const queue = setting.queueOf();
      const until$ = new Subject<void>();
      const { messages, ended } = await setting.consuming({ queue, until$, prefetch: 2 });
      for (let n = 0; n < 4; n++) await publish(n);
      await expect.poll(() => messages.length).toBe(2);
      until$.next();
      expect(await ended).toBe('complete');
      expect(messages.map(message => message.ack())).toEqual([true, true]);
      const after = await setting.consuming({ queue });
      await expect.poll(after.bodies).toEqual([2, 3]);
    });

    it.each([
      ['a prefetch', { prefetch: 10 }],
      ['a demand', { demand$: of(10) }],
    ])(
      'in the handler of the first message prevents the delivery of the others, with %s',
      async (_, flow) => {
        const queue = setting.queueOf();
        await setting.backlog(queue, [0, 1, 2, 3, 4, 5]);
        const until$ = new Subject<void>();
        const handled: PulseMessage[] = [];
        const ended = Promise.withResolvers<undefined>();
        setting.pulse.consume({ queue, bindings: [], until$, ...flow }).subscribe({
          next: message => {
            handled.push(message);
            until$.next();
          },
          complete: () => {
            ended.resolve(undefined);
          },
        });
        await ended.promise;
        const after = await setting.consuming({ queue, prefetch: 20 });
        await expect.poll(() => [...after.bodies()].sort()).toEqual([1, 2, 3, 4, 5]);
        expect(handled.map(message => [message.body, message.ack()])).toEqual([[0, true]]);
      },
    );

    it('completes a stream that has no connection yet, or only a connection', async () => {
      const { under, exchange, consuming } = setting;
      const other = under.connect();
      const options = { queue: setting.queueOf(), bindings: [binding(exchange, '#')], until$: of(1) };
      const completed = (from: typeof other) =>
        firstValueFrom(from.consume(options), { defaultValue: 'completed' });
      expect(await completed(other)).toBe('completed');
      expect(await completed(setting.pulse)).toBe('completed');
      await other.close();
      const { messages } = await consuming();
      await publish('unhindered');
      await expect.poll(() => messages.length).toBe(1);
    });

    it('that fails ends the stream with its error', async () => {
      const failing = setting.consuming({ until$: throwError(() => new Error('no end')) });
      await expect(failing).rejects.toThrow('no end');
    });

    it('followed by unsubscribing requeues held messages', async () => {
      const queue = setting.queueOf();
      const until$ = new Subject<void>();
      const { messages, end } = await setting.consuming({ queue, until$ });
      await publish('held');
      await expect.poll(() => messages.length).toBe(1);
      until$.next();
      end();
      const after = await setting.consuming({ queue });
      expect(await after.next()).toMatchObject({ body: 'held', redelivered: true });
    });
  });

  it('unsubscribing requeues unsettled messages', async () => {
    const queue = setting.queueOf();
    const { messages, end } = await setting.consuming({ queue });
    await publish('mine');
    await expect.poll(() => messages.length).toBe(1);
    end();
    const after = await setting.consuming({ queue });
    expect(await after.next()).toMatchObject({ body: 'mine', redelivered: true });
  });

  describe('close()', () => {
    it('lets a handler finish and acknowledge, then completes every stream', async () => {
      const { pulse, exchange, under, consuming } = setting;
      const queue = setting.queueOf();
      const all = firstValueFrom(
        pulse.consume({ queue, bindings: [binding(exchange, '#')] }).pipe(take(10), toArray()),
      );
      const { next } = await consuming({ queue });
      await sleep(100);
      await publish(1);
      await publish(2);
      const held = await next();
      const closing = pulse.close(5_000);
      await sleep(50);
      expect(held.ack()).toBe(true);
      for (const message of await all) message.ack();
      await closing;
      await pulse.close();
      expect(await firstValueFrom(pulse.state$, { defaultValue: 'completed' })).toBe('completed');

      const other = under.connect();
      const after = await consuming({ queue }, other);
      await sleep(150);
      expect(after.messages).toEqual([]);
      await other.close();
    });

    it('gives up at its deadline, and refuses later messages', async () => {
      const queue = setting.queueOf();
      const { next } = await setting.consuming({ queue });
      await publish('never settled');
      const held = await next();
      await setting.pulse.close(100);
      expect(held.ack()).toBe(false);
      await expect(publish({})).rejects.toMatchObject({ kind: 'closed' });
      await expect(setting.pulse.declareExchange(setting.exchange)).rejects.toMatchObject({ kind: 'closed' });
      await expect(setting.pulse.ready()).rejects.toMatchObject({ kind: 'closed' });
      const other = setting.under.connect();
      const after = await setting.consuming({ queue }, other);
      expect(await after.next()).toMatchObject({ body: 'never settled', redelivered: true });
      await other.close(0);
    });

    it('completes streams that are subscribed while it waits, or afterwards', async () => {
      const { pulse, consuming } = setting;
      const { next } = await consuming();
      await publish('held');
      const held = await next();
      const closing = pulse.close(5_000);
      await sleep(20);
      const late = await consuming();
      expect(await late.ended).toBe('complete');
      held.ack();
      await closing;
      expect(await (await consuming()).ended).toBe('complete');
    });

    it('waits for messages that are being published, and handlers may still publish', async () => {
      const { pulse, exchange, consuming, under } = setting;
      const queue = setting.queueOf();
      (await consuming({ queue })).end();
      const { next } = await consuming();
      await publish('asked');
      const held = await next();
      const published = [publish('one'), publish('two')];
      const closing = pulse.close(5_000);
      await Promise.all(published);
      await publish('answer');
      held.ack();
      await closing;
      const other = under.connect();
      const { bodies } = await consuming({ queue, bindings: [binding(exchange, '#')] }, other);
      await expect.poll(bodies).toEqual(['asked', 'one', 'two', 'answer']);
      await other.close(0);
    });

    it('does not wait for the messages of a consumer that is unsubscribed meanwhile', async () => {
      const { next, end } = await setting.consuming();
      await publish('held');
      await next();
      const closing = setting.pulse.close(60_000);
      end();
      await closing;
    });

    it('may have no deadline', async () => {
      const { next } = await setting.consuming();
      await publish('held');
      const held = await next();
      let closed = false;
      const closing = setting.pulse.close(Infinity).then(() => (closed = true));
      await sleep(50);
      expect([closed, held.ack()]).toEqual([false, true]);
      await closing;
    });

    it('works while disconnected', async () => {
      await setting.consuming();
      await setting.under.cutConnections();
      await setting.pulse.close(60_000);
    });
  });
}
