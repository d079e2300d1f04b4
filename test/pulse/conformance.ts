import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BehaviorSubject, filter, firstValueFrom, Subject, take, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  binding,
  ephemeralQueue,
  namedQueue,
  type ConsumerEvent,
  type Pulse,
  type PulseError,
  type PulseMessage,
} from '../../src/pulse/index.ts';

/** One broker, as the suite needs it: a user with exactly Pulse's permissions, and a way to cut its connections. */
export interface BrokerUnderTest {
  readonly user: string;
  /** An exchange that the user may not write, and that exists. */
  readonly foreignExchange: string;
  connect(options?: { password?: string }): Pulse;
  cutConnections(): Promise<void>;
  close(): Promise<void>;
}

const EXPIRES_MS = 60_000;

/** What `tcw/pulse` promises, whichever broker is behind it. */
export function conformance(name: string, broker: () => Promise<BrokerUnderTest>): void {
  describe(`tcw/pulse over ${name}`, () => {
    let under: BrokerUnderTest;
    let pulse: Pulse;
    let exchange: string;

    beforeEach(async () => {
      under = await broker();
      pulse = under.connect();
      exchange = `exchange/${under.user}/test-${randomUUID()}`;
      await pulse.declareExchange(exchange);
    });
    afterEach(async () => {
      await pulse.close(100);
      await under.close();
    });

    /** Subscribes, and resolves once the broker has confirmed the consumer. */
    const consuming = async (
      options: Partial<Parameters<Pulse['consume']>[0]> = {},
      from: Pulse = pulse,
    ): Promise<{
      messages: PulseMessage[];
      events: ConsumerEvent[];
      next: () => Promise<PulseMessage>;
      end: () => void;
    }> => {
      const messages: PulseMessage[] = [];
      const events: ConsumerEvent[] = [];
      const arrived$ = new Subject<PulseMessage>();
      const ready = Promise.withResolvers<undefined>();
      let taken = 0;
      const subscription = from
        .consume({
          queue: ephemeralQueue('test'),
          bindings: [binding(exchange, '#')],
          ...options,
          onEvent: event => {
            events.push(event);
            options.onEvent?.(event);
            if (event.type === 'consuming') ready.resolve(undefined);
          },
        })
        .subscribe({
          next: message => {
            messages.push(message);
            arrived$.next(message);
          },
          error: (error: PulseError) => {
            ready.reject(error);
          },
        });
      await ready.promise;
      return {
        messages,
        events,
        next: async () => {
          const index = taken++;
          return messages[index] ?? firstValueFrom(arrived$);
        },
        end: () => {
          subscription.unsubscribe();
        },
      };
    };
    const queueOf = (bounds = { expiresMs: EXPIRES_MS, maxLength: 100 }) =>
      namedQueue(`test-${randomUUID()}`, bounds);

    it('tells when it is connected', async () => {
      await pulse.ready();
      expect(await firstValueFrom(pulse.state$)).toEqual({ name: 'connected' });
    });

    describe('publishing and consuming', () => {
      it('carries a body, its routing key and its CC routes', async () => {
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
        const { messages } = await consuming({
          bindings: [binding(exchange, 'a.#'), binding(exchange, '*.b')],
        });
        await pulse.publish(exchange, 'a.b', {}, { routes: ['a.c'] });
        await sleep(100);
        expect(messages).toHaveLength(1);
      });

      it('keeps the order of one publisher', async () => {
        const { next } = await consuming({ prefetch: 100 });
        for (let n = 0; n < 50; n++) await pulse.publish(exchange, 'k', n);
        for (let n = 0; n < 50; n++) {
          const message = await next();
          expect(message.body).toBe(n);
          message.ack();
        }
      });

      it('refuses a routing key of 256 bytes before it is sent', async () => {
        await expect(pulse.publish(exchange, 'é'.repeat(128), {})).rejects.toMatchObject({ kind: 'invalid' });
        await pulse.publish(exchange, 'é'.repeat(127), {});
      });

      it('names a missing or a foreign exchange, and goes on publishing', async () => {
        await expect(pulse.publish(`exchange/${under.user}/nowhere`, 'k', {})).rejects.toMatchObject({
          kind: 'not-found',
          message: expect.stringContaining('nowhere'),
        });
        await expect(pulse.publish(under.foreignExchange, 'k', {})).rejects.toMatchObject({
          kind: 'forbidden',
        });
        await pulse.publish(exchange, 'k', {});
      });
    });

    describe('settling', () => {
      it('settles once: the second time is a no-op that says so', async () => {
        const { next } = await consuming();
        await pulse.publish(exchange, 'k', 1);
        const message = await next();
        expect([message.ack(), message.requeue(), message.reject(), message.settled]).toEqual([
          true,
          false,
          false,
          true,
        ]);
        await pulse.publish(exchange, 'k', 2);
        expect((await next()).body).toBe(2);
      });

      it('gives a requeued message to somebody again, marked', async () => {
        const { next } = await consuming();
        await pulse.publish(exchange, 'k', 'again');
        (await next()).requeue();
        expect(await next()).toMatchObject({ body: 'again', redelivered: true });
      });

      it('does not let an old message settle a new one after a reconnect', async () => {
        const queue = queueOf();
        const { next, events } = await consuming({ queue });
        await pulse.publish(exchange, 'k', 'one');
        const old = await next();
        await under.cutConnections();
        const again = await next();
        expect(again).toMatchObject({ body: 'one', redelivered: true });
        expect(old.ack()).toBe(false);
        expect(events).toContainEqual({ type: 'settled-late', routingKey: 'k' });
        expect(again.ack()).toBe(true);
      });
    });

    describe('bounds', () => {
      it('holds no more than the prefetch', async () => {
        const { messages } = await consuming({ prefetch: 3 });
        for (let n = 0; n < 10; n++) await pulse.publish(exchange, 'k', n);
        await sleep(150);
        expect(messages).toHaveLength(3);
        messages[0]?.ack();
        await expect.poll(() => messages.length).toBe(4);
      });

      it('refuses a prefetch of 0', () => {
        const options = { queue: ephemeralQueue(), bindings: [], prefetch: 0 };
        expect(() => pulse.consume(options)).toThrow(expect.objectContaining({ kind: 'invalid' }));
      });

      it('meets a changing demand exactly, and keeps nothing while it is 0', async () => {
        const queue = queueOf();
        const demand$ = new BehaviorSubject(2);
        const first = await consuming({ queue, demand$ });
        // A message that arrives lowers the demand, as a slot that is taken does.
        for (let n = 0; n < 6; n++) await pulse.publish(exchange, 'k', n);
        await expect.poll(() => first.messages.length).toBe(2);
        demand$.next(0);
        first.messages.forEach(message => message.ack());
        await sleep(100);
        expect(first.messages).toHaveLength(2);

        const other = await consuming({ queue, prefetch: 10 });
        await expect.poll(() => other.messages.map(message => message.body)).toEqual([2, 3, 4, 5]);
        other.messages.forEach(message => message.ack());

        demand$.next(1);
        other.end();
        await sleep(100);
        await pulse.publish(exchange, 'k', 'more');
        await expect.poll(() => first.messages.length).toBe(3);
      });

      it('drops the oldest of a bounded queue', async () => {
        const queue = queueOf({ expiresMs: EXPIRES_MS, maxLength: 3 });
        (await consuming({ queue, demand$: new BehaviorSubject(0) })).end();
        for (let n = 0; n < 5; n++) await pulse.publish(exchange, 'k', n);
        const { messages } = await consuming({ queue });
        await expect.poll(() => messages.map(message => message.body)).toEqual([2, 3, 4]);
      });
    });

    describe('bad bodies', () => {
      it('are told of, settled by the policy, and do not end the stream', async () => {
        const picky = binding<number>(exchange, '#', body =>
          typeof body === 'number' ? [] : ['/ must be a number'],
        );
        const { next, events } = await consuming({ bindings: [picky], prefetch: 1 });
        await pulse.publish(exchange, 'k', 'no number');
        await pulse.publish(exchange, 'k', 7);
        expect((await next()).body).toBe(7);
        expect(events).toContainEqual(
          expect.objectContaining({ type: 'bad-message', problems: ['/ must be a number'] }),
        );
      });
    });

    describe('losing the connection', () => {
      it('consumes again by itself, and an ephemeral queue tells of the gap', async () => {
        const { next, events } = await consuming();
        const connectedAgain = firstValueFrom(pulse.state$.pipe(filter(state => state.name === 'waiting')));
        await under.cutConnections();
        await connectedAgain;
        await expect.poll(() => events.map(event => event.type), { timeout: 10_000 }).toContain('gap');
        await pulse.publish(exchange, 'k', 'after');
        expect((await next()).body).toBe('after');
      });

      it('keeps what a named queue got meanwhile', async () => {
        const queue = queueOf();
        const other = under.connect();
        (await consuming({ queue })).end();
        await pulse.publish(exchange, 'k', 'meanwhile');
        const { next } = await consuming({ queue }, other);
        expect((await next()).body).toBe('meanwhile');
        await other.close(100);
      });

      it('survives 100 cuts without a lock (405) on its queue', async () => {
        const { next } = await consuming();
        for (let n = 0; n < 100; n++) {
          const lost = firstValueFrom(pulse.state$.pipe(filter(state => state.name === 'waiting')));
          await under.cutConnections();
          await lost;
          await firstValueFrom(pulse.state$.pipe(filter(state => state.name === 'connected')));
        }
        await expect
          .poll(
            async () => {
              await pulse.publish(exchange, 'k', 'still here');
              return Promise.race([next().then(message => message.body), sleep(300)]);
            },
            { timeout: 15_000 },
          )
          .toBe('still here');
      });
    });

    describe('what can not be mended', () => {
      it('refuses a wrong password at once, as an error of the connection', async () => {
        const stranger = under.connect({ password: 'wrong' });
        await expect(stranger.ready()).rejects.toMatchObject({ kind: 'credentials' });
        expect(await firstValueFrom(stranger.state$)).toMatchObject({ name: 'failed' });
        await stranger.close();
      });

      it('errors the one stream that asked for a missing exchange; the others never notice', async () => {
        const { next } = await consuming();
        const missing = consuming({ bindings: [binding(`${exchange}-missing`, '#')] });
        await expect(missing).rejects.toMatchObject({ kind: 'not-found' });
        await pulse.publish(exchange, 'k', 'fine');
        expect((await next()).body).toBe('fine');
      });

      it('errors on a queue that exists with other arguments', async () => {
        const name = `test-${randomUUID()}`;
        (await consuming({ queue: namedQueue(name, { expiresMs: EXPIRES_MS, maxLength: 5 }) })).end();
        const other = consuming({ queue: namedQueue(name, { expiresMs: EXPIRES_MS, maxLength: 6 }) });
        await expect(other).rejects.toMatchObject({ kind: 'mismatch' });
      });

      it('may not declare what belongs to somebody else', async () => {
        await expect(pulse.declareExchange(`exchange/somebody-else/${randomUUID()}`)).rejects.toMatchObject({
          kind: 'forbidden',
        });
      });
    });

    describe('stopping', () => {
      it('completes the stream once the consumer is cancelled, and still settles what was delivered', async () => {
        const queue = queueOf();
        const until$ = new Subject<void>();
        const { messages } = await consuming({ queue, until$, prefetch: 2 });
        for (let n = 0; n < 4; n++) await pulse.publish(exchange, 'k', n);
        await expect.poll(() => messages.length).toBe(2);
        until$.next();
        await sleep(50);
        expect(messages.map(message => message.ack())).toEqual([true, true]);

        const after = await consuming({ queue });
        await expect.poll(() => after.messages.map(message => message.body)).toEqual([2, 3]);
      });

      it('requeues what is unsettled when it is unsubscribed', async () => {
        const queue = queueOf();
        const { messages, end } = await consuming({ queue });
        await pulse.publish(exchange, 'k', 'mine');
        await expect.poll(() => messages.length).toBe(1);
        end();
        const after = await consuming({ queue });
        expect(await after.next()).toMatchObject({ body: 'mine', redelivered: true });
      });

      it('close() lets a handler finish and ack, then completes every stream', async () => {
        const queue = queueOf();
        const all = firstValueFrom(
          pulse.consume({ queue, bindings: [binding(exchange, '#')] }).pipe(take(10), toArray()),
        );
        const { next } = await consuming({ queue });
        await sleep(100);
        await pulse.publish(exchange, 'k', 1);
        await pulse.publish(exchange, 'k', 2);
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

      it('close() works while disconnected, and gives up at its deadline', async () => {
        const { next } = await consuming();
        await pulse.publish(exchange, 'k', 'never settled');
        await next();
        await pulse.close(200);
        await expect(pulse.publish(exchange, 'k', {})).rejects.toMatchObject({ kind: 'closed' });
      });
    });
  });
}
