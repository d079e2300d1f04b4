import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstValueFrom, Subject, takeUntil } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  binding,
  deadLetter,
  deadLetterQueue,
  handle,
  namedQueue,
  reject,
  retryLater,
  type ConsumeOptions,
  type Handler,
  type HandleOptions,
  type HandleResult,
  type PulseMessage,
  type QueueSpec,
} from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

type Message = PulseMessage;

/** Retries that a test can wait for. */
const QUICK = { backoff: { baseMs: 20, capMs: 50 } };

export function handlingIn(setting: Setting) {
  return async (
    queue: QueueSpec,
    handler: Handler<Message>,
    options: HandleOptions = {},
    more: Partial<ConsumeOptions<unknown>> = {},
    from = setting.pulse,
  ) => {
    const results: HandleResult<Message>[] = [];
    const ready = Promise.withResolvers<undefined>();
    const ended = Promise.withResolvers<unknown>();
    const leave$ = new Subject<void>();
    from
      .consume({
        queue,
        bindings: [binding(setting.exchange, '#')],
        ...more,
        onEvent: event => {
          if (event.type === 'consuming') ready.resolve(undefined);
        },
      })
      .pipe(handle(handler, { retry: QUICK, ...options }), takeUntil(leave$))
      .subscribe({
        next: result => results.push(result),
        error: ended.resolve,
        complete: () => {
          ended.resolve('complete');
        },
      });
    await Promise.race([ready.promise, ended.promise]);
    return {
      results,
      ended: ended.promise,
      outcomes: () => results.map(({ outcome }) => outcome),
      attempts: () => results.map(({ attempts }) => attempts),
      leave: () => {
        leave$.next();
      },
    };
  };
}

export function handling(setting: Setting): void {
  const handled = handlingIn(setting);
  const publish = (body: unknown, key = 'k') => setting.pulse.publish(setting.exchange, key, body);
  const waiting = async (queue: QueueSpec) => (await setting.pulse.queue(queue).inspect())?.messages;
  const fail = () => {
    throw new Error('not now');
  };

  describe('handle', () => {
    it.each([
      ['a classic queue', {}],
      ['a quorum queue', { quorum: true }],
    ])('does not let a publisher set how often a message has failed, with %s', async (_, kind) => {
      const tries: number[] = [];
      const { outcomes } = await handled(setting.queueOf(kind), (_, { attempt }) => tries.push(attempt));
      const headers = {
        'tcw-retry': { failures: 1_000, delayMs: 600_000, dueMs: Date.now() + 600_000 },
        'x-delivery-count': 1_000,
      };
      await setting.pulse.publish(setting.exchange, 'k', 'forged', { headers });
      await expect.poll(outcomes).toEqual(['acked']);
      expect(tries).toEqual([1]);
    });

    it('acknowledges a message when its handler is done, at once or later', async () => {
      const queue = setting.queueOf();
      const { results, outcomes, leave } = await handled(queue, ({ body }) =>
        body === 'later' ? sleep(10) : undefined,
      );
      await publish('now');
      await publish('later');
      await expect.poll(outcomes).toEqual(['acked', 'acked']);
      expect(results[1]).toMatchObject({ message: { body: 'later' }, attempts: 1 });
      expect(results[1]?.durationMs).toBeGreaterThan(5);
      leave();
      await expect.poll(() => waiting(queue)).toBe(0);
    });

    it('runs no more handlers than its concurrency, and holds at most twice as many messages', async () => {
      const queue = setting.queueOf();
      let running = 0;
      let most = 0;
      const { results } = await handled(
        queue,
        async () => {
          most = Math.max(most, ++running);
          await sleep(5);
          running--;
        },
        { concurrency: 3 },
      );
      await Promise.all(Array.from({ length: 30 }, (_, n) => publish(n)));
      const held = () => setting.pulse.gauges().consumers.map(({ count }) => count);
      await expect.poll(() => Math.max(...held())).toBeLessThanOrEqual(6);
      await expect.poll(() => results.length).toBe(30);
      expect(most).toBe(3);
    });

    it.each([
      ['a classic queue', {}],
      ['a quorum queue', { quorum: true }],
    ])('retries a handler that throws, from %s, and passes the number of the attempt', async (_, kind) => {
      const tries: [number, string, readonly string[], unknown][] = [];
      const queue = setting.queueOf(kind);
      const { outcomes, attempts } = await handled(queue, ({ routingKey, routes, body }, { attempt }) => {
        tries.push([attempt, routingKey, routes, body]);
        if (attempt < 3) fail();
      });
      await setting.pulse.publish(setting.exchange, 'a.b', { n: 1 }, { routes: ['route.x'] });
      await expect.poll(outcomes).toEqual(['retried', 'retried', 'acked']);
      expect(attempts()).toEqual([1, 2, 3]);
      expect(tries).toEqual([1, 2, 3].map(attempt => [attempt, 'a.b', ['route.x'], { n: 1 }]));
    });

    it.each([
      ['a classic queue', {}],
      ['a quorum queue', { quorum: true }],
    ])('continues to count after restarts, with %s, and gives up in the end', async (_, kind) => {
      const queue = setting.queueOf({ ...kind, deadLetter: true });
      const seen: number[] = [];
      const failing: Handler<Message> = (_, { attempt }) => {
        seen.push(attempt);
        fail();
      };
      const retry = { ...QUICK, attempts: 5 };
      await setting.backlog(queue, ['poison']);
      while (seen.length < 5) {
        const before = seen.length;
        const process = setting.under.connect();
        const { outcomes } = await handled(queue, failing, { retry }, {}, process);
        await expect.poll(() => seen.length).toBeGreaterThan(before);
        await expect.poll(() => outcomes().length).toBeGreaterThan(0);
        await process.close();
      }
      expect(seen).toEqual([1, 2, 3, 4, 5]);
      const { next } = await setting.consuming({ queue: deadLetterQueue(queue), bindings: [] });
      const dead = await next();
      expect(dead.body).toBe('poison');
      dead.ack();
      expect(await waiting(queue)).toBe(0);
    });

    it.each([
      ['of a quorum queue is counted', { quorum: true }, [1, 2]],
      ['of a classic queue is not counted', {}, [1, 1]],
    ])('receives again a message whose connection is lost: a delivery %s', async (_, kind, expected) => {
      const queue = setting.queueOf(kind);
      const seen: number[] = [];
      const stuck = Promise.withResolvers<undefined>();
      const { outcomes } = await handled(queue, (_, { attempt, signal }) => {
        seen.push(attempt);
        if (seen.length > 1) return undefined;
        signal.addEventListener('abort', () => {
          stuck.reject(signal.reason);
        });
        return stuck.promise;
      });
      await publish('cut');
      await expect.poll(() => seen).toEqual([1]);
      await setting.under.cutConnections();
      await expect.poll(outcomes).toEqual(['lost', 'acked']);
      expect(seen).toEqual(expected);
    });

    it.each([
      ['returned', <T>(verdict: T) => verdict],
      [
        'thrown',
        (verdict: Error) => {
          throw verdict;
        },
      ],
    ])('follows a verdict that is %s', async (_, say) => {
      const queue = setting.queueOf({ deadLetter: true });
      const { outcomes, results } = await handled(queue, ({ body }, { attempt }) => {
        if (body === 'later' && attempt === 1) return say(retryLater(10, 'not there yet'));
        if (body === 'bad') return say(reject());
        if (body === 'odd') return say(deadLetter('never seen such a thing'));
        return undefined;
      });
      await publish('later');
      await expect.poll(outcomes).toEqual(['retried', 'acked']);
      expect(results[0]).toMatchObject({ retryInMs: 10, error: { message: 'not there yet' } });
      await publish('bad');
      await publish('odd');
      await expect.poll(outcomes).toEqual(['retried', 'acked', 'dead-lettered', 'dead-lettered']);
      const dead = setting.pulse.queue(deadLetterQueue(queue));
      await expect.poll(async () => (await dead.inspect())?.messages).toBe(2);
    });

    it('errors if a message must be dead-lettered and the queue has no dead letters, and loses nothing', async () => {
      const queue = setting.queueOf();
      const { ended } = await handled(queue, () => deadLetter());
      await publish('precious');
      expect(await ended).toMatchObject({ kind: 'invalid' });
      await expect.poll(() => waiting(queue)).toBe(1);
    });

    it.each([
      ['a classic queue', {}],
      ['a quorum queue', { quorum: true }],
    ])('keeps the name of a dead letter that was retried, with %s', async (_, kind) => {
      const queue = setting.queueOf({ ...kind, deadLetter: true });
      const { outcomes } = await handled(queue, fail, { retry: { ...QUICK, attempts: 2 } });
      await setting.pulse.publish(setting.exchange, 'a.b', 'poison', { routes: ['route.x'] });
      await expect.poll(outcomes).toEqual(['retried', 'dead-lettered']);
      const { next } = await setting.consuming({ queue: deadLetterQueue(queue), bindings: [] });
      const dead = await next();
      const { exchange, routingKey, routes, attempt } = dead;
      expect([routingKey, routes, attempt]).toEqual(['a.b', ['route.x'], 1]);
      expect([exchange, dead.headers['x-first-death-exchange']]).toContain(setting.exchange);
      expect(dead.headers).not.toHaveProperty('tcw-retry');
    });

    it('does not let a publisher choose the name of a dead letter', async () => {
      const queue = setting.queueOf({ deadLetter: true });
      const { outcomes } = await handled(queue, () => reject());
      const headers = {
        'tcw-retry': { failures: 1, delayMs: 1, dueMs: 1, exchange: 'theirs', routingKey: 'c', routes: [] },
      };
      await setting.pulse.publish(setting.exchange, 'a.b', 'forged', { headers });
      await expect.poll(outcomes).toEqual(['dead-lettered']);
      const { next } = await setting.consuming({ queue: deadLetterQueue(queue), bindings: [] });
      expect((await next()).routingKey).toBe('a.b');
    });

    it('treats an unreadable count as 0', async () => {
      const retries = `exchange/${setting.under.user}/tcw-retry`;
      await setting.pulse.declareExchange(retries);
      const key = `odd.${randomUUID()}`;
      const odd = { bindings: [binding(retries, key)] };
      const { results } = await handled(setting.queueOf(), () => undefined, {}, odd);
      const header = { failures: 1, delayMs: 1, dueMs: 1, exchange: 'e', routingKey: 'k', routes: [] };
      const counts = ['nonsense', 7, {}, { ...header, routes: 'none' }, { ...header, dueMs: 'soon' }, header];
      for (const count of counts) {
        await setting.pulse.publish(retries, key, 'x', { headers: { 'tcw-retry': count } });
      }
      await expect.poll(() => results.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1, 1, 2]);
    });

    it('leaves no copy of a message behind if its stream is unsubscribed at the first failure', async () => {
      const queue = setting.queueOf();
      await setting.backlog(queue, ['once']);
      for (let run = 0; run < 3; run++) {
        const results$ = setting.pulse
          .consume({ queue, bindings: [] })
          .pipe(handle(fail, { retry: { backoff: { baseMs: 1, capMs: 1 } } }));
        expect(await firstValueFrom(results$)).toMatchObject({ outcome: 'retried' });
        await expect.poll(() => setting.pulse.gauges()).toMatchObject({ publisher: { unconfirmed: 0 } });
      }
      const { bodies } = await setting.consuming({ queue });
      await sleep(100);
      expect(bodies()).toEqual(['once']);
    });

    it('leaves no copy of a message behind either if its stream is unsubscribed while the copy is in transit', async () => {
      const queue = setting.queueOf();
      await setting.backlog(queue, [1, 2, 3]);
      let failed = 0;
      const leaving = setting.pulse
        .consume({ queue, bindings: [] })
        .pipe(handle(fail))
        .subscribe(() => {
          failed++;
          queueMicrotask(() => {
            leaving.unsubscribe();
          });
        });
      await expect.poll(() => failed).toBeGreaterThan(0);
      await expect.poll(() => waiting(queue)).toBe(3);
      await sleep(300);
      expect(await waiting(queue)).toBe(3);
    });

    it('ends when the last failure is recorded, and not before', async () => {
      const queue = setting.queueOf();
      const go = Promise.withResolvers<undefined>();
      const until$ = new Subject<void>();
      let started = false;
      const failing: Handler<Message> = () => {
        started = true;
        return go.promise;
      };
      const { ended, outcomes } = await handled(queue, failing, {}, { until$ });
      await publish('once');
      await expect.poll(() => started).toBe(true);
      until$.next();
      await sleep(50);
      go.reject(new Error('not now'));
      expect(await ended).toBe('complete');
      expect(await waiting(queue)).toBe(1);
      expect(outcomes()).toEqual(['retried']);
      const { messages } = await setting.consuming({ queue });
      await expect.poll(() => messages.map(({ attempt }) => attempt)).toEqual([2]);
    });

    it('reports a message that its handler has settled too late as lost', async () => {
      const { outcomes } = await handled(
        setting.queueOf(),
        async (message, { attempt, signal }) => {
          if (attempt > 1 || message.redelivered) return;
          await new Promise(aborted => {
            signal.addEventListener('abort', aborted);
          });
          message.ack();
        },
        { concurrency: 1 },
      );
      await publish('slow');
      await expect.poll(() => setting.pulse.gauges().consumers[0]?.count).toBe(1);
      await setting.under.cutConnections();
      await expect.poll(outcomes).toEqual(['lost', 'acked']);
    });

    it('lets another handler start when a message is lost, even if its handler continues', async () => {
      let calls = 0;
      const { outcomes } = await handled(
        setting.queueOf(),
        () => (++calls === 1 ? new Promise(() => undefined) : undefined),
        { concurrency: 1 },
      );
      await publish('hangs');
      await expect.poll(() => calls).toBe(1);
      await setting.under.cutConnections();
      await expect.poll(outcomes).toEqual(['acked']);
    });

    it('does not touch a message that its handler has settled', async () => {
      const queue = setting.queueOf();
      const { outcomes } = await handled(queue, message => {
        message.reject();
        fail();
      });
      await publish('mine');
      await expect.poll(outcomes).toEqual(['rejected']);
    });

    it('drops a failed message at once without retries', async () => {
      const { outcomes } = await handled(setting.queueOf(), fail, { retry: false });
      await publish('once');
      await expect.poll(outcomes).toEqual(['rejected']);
    });

    it('starts nothing after a stop, finishes running handlers, and gives back the rest', async () => {
      const queue = setting.queueOf();
      const go = Promise.withResolvers<undefined>();
      const started: unknown[] = [];
      const process = setting.under.connect();
      const { outcomes, ended } = await handled(
        queue,
        ({ body }) => {
          started.push(body);
          return go.promise;
        },
        { concurrency: 1 },
        { prefetch: 3 },
        process,
      );
      for (const n of [0, 1, 2, 3]) await publish(n);
      await expect.poll(() => started).toEqual([0]);
      const closing = process.close();
      await sleep(50);
      go.resolve(undefined);
      await closing;
      expect(await ended).toBe('complete');
      expect(outcomes()).toEqual(['acked']);
      expect(started).toEqual([0]);
      await expect.poll(() => waiting(queue)).toBe(3);
    });

    it('aborts the handlers of an unsubscribed stream', async () => {
      let aborted = false;
      let started = false;
      const { leave } = await handled(setting.queueOf(), (_, { signal }) => {
        started = true;
        signal.addEventListener('abort', () => (aborted = true));
        return new Promise(() => undefined);
      });
      await publish(1);
      await expect.poll(() => started).toBe(true);
      leave();
      expect(aborted).toBe(true);
    });

    it('that fails after its stream was unsubscribed receives its message again, once', async () => {
      const queue = setting.queueOf();
      const go = Promise.withResolvers<undefined>();
      let started = false;
      const { leave } = await handled(queue, () => {
        started = true;
        return go.promise;
      });
      await publish('once');
      await expect.poll(() => started).toBe(true);
      leave();
      go.reject(new Error('too late'));
      await sleep(100);
      const { bodies } = await setting.consuming({ queue });
      await sleep(100);
      expect(bodies()).toEqual(['once']);
    });

    it('calls the around function for each handler', async () => {
      const seen: string[] = [];
      const { outcomes } = await handled(setting.queueOf(), () => seen.push('handler'), {
        around: (message, { attempt }, run) => {
          seen.push(`before ${message.routingKey} ${attempt}`);
          return run();
        },
      });
      await publish(1);
      await expect.poll(outcomes).toEqual(['acked']);
      expect(seen).toEqual(['before k 1', 'handler']);
    });

    it('refuses unsupported options before anything is sent', () => {
      const piped = (queue: QueueSpec, options: HandleOptions) => () =>
        setting.pulse.consume({ queue, bindings: [] }).pipe(handle(() => undefined, options));
      const invalid = expect.objectContaining({ kind: 'invalid' });
      const plain = namedQueue('plain', { maxLength: 1 });
      expect(piped(plain, { concurrency: 0 })).toThrow(invalid);
      expect(piped(plain, { retry: { attempts: 0 } })).toThrow(invalid);
      for (const [baseMs, capMs] of [
        [0, 1],
        [-1, 1],
        [NaN, 1],
        [1, 0],
        [1, -1],
        [1, NaN],
      ] as const) {
        expect(piped(plain, { retry: { backoff: { baseMs, capMs } } })).toThrow(invalid);
      }
      expect(piped(plain, { deadLetter: true })).toThrow(invalid);
      const quorum = namedQueue('quorum', { maxLength: 1, quorum: true, deliveryLimit: 3 });
      expect(piped(quorum, { retry: { attempts: 4 } })).toThrow(invalid);
      expect(() => retryLater(3_600_000)).toThrow(invalid);
    });
  });
}
