import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { lastValueFrom } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  binding,
  connect,
  deadLetterQueue,
  namedQueue,
  reject,
  type HandleResult,
  type Pulse,
  type PulseMessage,
} from '../../src/pulse/index.ts';
import { connectToMemory, MemoryBroker, memoryTransport } from '../../src/pulse/testing.ts';

const EXCHANGE = 'exchange/tester/plain';
const QUICK = { backoff: { baseMs: 5, capMs: 10 } };
const queue = namedQueue('plain', { maxLength: 100, deadLetter: true });
const bindings = [binding<number>(EXCHANGE, '#')] as const;

let broker: MemoryBroker;
let pulse: Pulse;
beforeEach(async () => {
  broker = new MemoryBroker();
  pulse = connectToMemory(broker);
  await pulse.declareExchange(EXCHANGE);
  await pulse.queue(queue).declare(bindings);
});
afterEach(() => pulse.close(0));

const publish = async (...bodies: unknown[]) => {
  for (const body of bodies) await pulse.publish(EXCHANGE, 'k', body);
};
const waiting = async () => (await pulse.queue(queue).inspect())?.messages;

describe('pulse.messages', () => {
  it('acknowledges a message when the loop asks for the next one, and requeues the rest when the loop is left', async () => {
    await publish(1, 2, 3, 4, 5);
    const seen: number[] = [];
    for await (const { body } of pulse.messages({ queue, bindings, prefetch: 3 })) {
      seen.push(body);
      if (body === 3) break;
    }
    expect(seen).toEqual([1, 2, 3]);
    await expect.poll(waiting).toBe(3);
  });

  it('requeues a message whose loop body throws', async () => {
    await publish(1);
    const loop = async () => {
      for await (const { body } of pulse.messages({ queue, bindings }))
        throw new Error(`cannot store ${body}`);
    };
    await expect(loop()).rejects.toThrow('cannot store 1');
    await expect.poll(waiting).toBe(1);
  });

  it('holds no more messages than its prefetch, however slow the loop is', async () => {
    await publish(...Array.from({ length: 20 }, (_, n) => n));
    const messages = pulse.messages({ queue, bindings, prefetch: 4 });
    await messages.next();
    await expect.poll(() => pulse.gauges().consumers[0]?.count).toBe(4);
    await sleep(50);
    expect(pulse.gauges().consumers[0]?.count).toBe(4);
    await messages.return?.();
  });

  it('ends normally when its signal is aborted, and the last message can still be acknowledged', async () => {
    await publish(1, 2, 3);
    const stop = new AbortController();
    const seen: number[] = [];
    for await (const { body } of pulse.messages({ queue, bindings, signal: stop.signal })) {
      seen.push(body);
      stop.abort();
      await sleep(20);
    }
    expect(seen).toEqual([1]);
    await expect.poll(waiting).toBe(2);
  });

  it('ends when the connection is closed, and throws permanent errors', async () => {
    const missing = [binding('exchange/tester/none', '#')];
    await expect(pulse.messages({ queue, bindings: missing }).next()).rejects.toMatchObject({
      kind: 'not-found',
    });
    const next = pulse.messages({ queue, bindings }).next();
    await expect.poll(() => pulse.gauges().consumers[0]?.consuming).toBe(true);
    await pulse.close();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it('leaves settling to the loop with ack: manual', async () => {
    await publish(1, 2);
    for await (const message of pulse.messages({ queue, bindings, ack: 'manual', prefetch: 1 })) {
      message.reject();
      if (message.body === 2) break;
    }
    await expect.poll(waiting).toBe(0);
  });

  it('leaves no listener on its signal, however its loops end', async () => {
    const { signal } = new AbortController();
    for (let n = 0; n < 3; n++) {
      await publish(n);
      for await (const message of pulse.messages({ queue, bindings, signal })) {
        message.ack();
        break;
      }
    }
    const missing = pulse.messages({ queue, bindings: [binding('exchange/tester/none', '#')], signal });
    await expect(missing.next()).rejects.toMatchObject({ kind: 'not-found' });
    const closed = pulse.messages({ queue, bindings, signal }).next();
    await pulse.close();
    expect(await closed).toMatchObject({ done: true });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('continues after a lost connection', async () => {
    await publish(1);
    const seen: number[] = [];
    for await (const { body } of pulse.messages({ queue, bindings })) {
      seen.push(body);
      if (body === 2) break;
      await broker.dropConnections();
      await publish(2);
    }
    expect(seen.at(-1)).toBe(2);
  });
});

describe('pulse.handle', () => {
  it('resolves when its signal is aborted, after the running handler is done', async () => {
    await publish(1, 2, 3);
    const stop = new AbortController();
    const done: number[] = [];
    await pulse.handle({ queue, bindings, concurrency: 1, signal: stop.signal }, async ({ body }) => {
      stop.abort();
      await sleep(20);
      done.push(body);
    });
    expect(done).toEqual([1]);
    await expect.poll(waiting).toBe(2);
  });

  it('resolves when the connection is closed', async () => {
    const handled = pulse.handle({ queue, bindings }, () => undefined);
    await expect.poll(() => pulse.gauges().consumers[0]?.consuming).toBe(true);
    await pulse.close();
    await handled;
  });

  it('rejects with permanent errors', async () => {
    const missing = [binding('exchange/tester/none', '#')];
    await expect(pulse.handle({ queue, bindings: missing }, () => undefined)).rejects.toMatchObject({
      kind: 'not-found',
    });
  });

  it('aborts a handler after timeoutMs, tries its message again, and ignores its late result', async () => {
    await publish(1);
    const stop = new AbortController();
    const results: HandleResult<PulseMessage>[] = [];
    let reason: unknown;
    await pulse.handle(
      {
        queue,
        bindings,
        timeoutMs: 20,
        retry: QUICK,
        signal: stop.signal,
        onResult: result => {
          results.push(result);
          if (result.outcome === 'acked') stop.abort();
        },
      },
      async (_, { attempt, signal }) => {
        if (attempt > 1) return;
        await new Promise(resolve => {
          signal.addEventListener('abort', resolve);
        });
        reason = signal.reason;
      },
    );
    expect(results.map(({ outcome }) => outcome)).toEqual(['retried', 'acked']);
    expect(results[0]?.error).toMatchObject({ kind: 'timeout' });
    expect(reason).toBe(results[0]?.error);
    expect(await waiting()).toBe(0);
  });

  it('passes batches of at most the given size, and a smaller one after the wait', async () => {
    await publish(1, 2, 3, 4, 5);
    const stop = new AbortController();
    const batches: number[][] = [];
    await pulse.handle(
      { queue, bindings, batch: { size: 3, waitMs: 30 }, concurrency: 1, signal: stop.signal },
      messages => {
        batches.push(messages.map(({ body }) => body));
        if (batches.flat().length === 5) stop.abort();
      },
    );
    expect(batches).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    expect(await waiting()).toBe(0);
  });

  it('settles each message of a batch once, by its entry in the returned array', async () => {
    await publish(1, 2, 3, 4);
    const stop = new AbortController();
    const results: string[] = [];
    await pulse.handle(
      {
        queue,
        bindings,
        batch: { size: 4, waitMs: 50 },
        retry: QUICK,
        signal: stop.signal,
        onResult: ({ message, outcome }) => {
          results.push(`${String(message.body)} ${outcome}`);
          if (results.length === 5) stop.abort();
        },
      },
      (messages, { signal }) => {
        expect(signal.aborted).toBe(false);
        messages.find(({ body }) => body === 4)?.requeue();
        return Promise.allSettled(
          messages.map(async ({ body, attempt }) => {
            if (body === 2 && attempt === 1) throw new Error('try again');
            return body === 3 ? reject() : undefined;
          }),
        );
      },
    );
    expect(results.slice(0, 4)).toEqual(['1 acked', '2 retried', '3 dead-lettered', '4 requeued']);
  });

  it('retries all messages of a batch if the handler throws', async () => {
    await publish(1, 2);
    const stop = new AbortController();
    const outcomes: string[] = [];
    let calls = 0;
    await pulse.handle(
      {
        queue,
        bindings,
        batch: { size: 2, waitMs: 20 },
        retry: QUICK,
        signal: stop.signal,
        onResult: ({ outcome }) => {
          outcomes.push(outcome);
          if (outcomes.length === 4) stop.abort();
        },
      },
      () => {
        if (++calls === 1) throw new Error('the database is down');
      },
    );
    expect(outcomes).toEqual(['retried', 'retried', 'acked', 'acked']);
  });

  it('loses no message of a batch if the handler returns a list of another length', async () => {
    await publish(1, 2);
    const stop = new AbortController();
    const results: HandleResult<PulseMessage>[] = [];
    await pulse.handle(
      {
        queue,
        bindings,
        batch: { size: 2, waitMs: 20 },
        retry: QUICK,
        signal: stop.signal,
        onResult: result => {
          results.push(result);
          if (results.length === 4) stop.abort();
        },
      },
      messages =>
        messages[0]?.attempt === 1 ? Promise.allSettled([Promise.reject(new Error('away'))]) : ['rows'],
    );
    expect(results.map(({ outcome }) => outcome)).toEqual(['retried', 'retried', 'acked', 'acked']);
    expect(results[0]?.error).toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('returned 1 results for 2 messages'),
    });
  });

  it('rejects a bad message if onBadMessage returns anything but a settlement', async () => {
    const checked = [binding(EXCHANGE, '#', { type: 'string' })];
    await publish(1, 'good');
    const stop = new AbortController();
    const onBadMessage = (() => 'drop') as unknown as () => 'reject';
    await pulse.handle({ queue, bindings: checked, onBadMessage, signal: stop.signal }, () => {
      stop.abort();
    });
    expect(await waiting()).toBe(0);
    expect((await pulse.queue(deadLetterQueue(queue)).inspect())?.messages).toBe(1);
  });

  it('shows a context without its messages, however many there are', async () => {
    await publish(1, 2, 3);
    const stop = new AbortController();
    let shown = '';
    await pulse.handle({ queue, bindings, batch: { size: 3 }, signal: stop.signal }, (_, context) => {
      shown = inspect(context, { breakLength: Infinity, compact: true });
      stop.abort();
    });
    expect(shown).toBe(
      'HandlerContext { attempt: 1, lastAttempt: false, signal: AbortSignal { aborted: false } }',
    );
  });
});

describe('signals and limits', () => {
  it('ready reports the problem after its timeout, and says if it was aborted', async () => {
    const offline = connect({ url: 'amqp://127.0.0.1:1', logger: false });
    await expect(offline.ready({ timeoutMs: 100 })).rejects.toMatchObject({
      kind: 'connection',
      message: expect.stringMatching(/no connection within 100 ms: .*cannot be reached/),
    });
    const reason = new Error('enough');
    await expect(offline.ready({ signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      kind: 'aborted',
      cause: reason,
    });
    await offline.close();
  });

  it('an aborted publish of a message that was never sent is refused, and of a sent one expired', async () => {
    const sent = new AbortController();
    broker.freeze();
    const result = pulse.tryPublish(EXCHANGE, 'k', 1, { signal: sent.signal });
    await sleep(20);
    sent.abort();
    expect(await result).toMatchObject({ status: 'expired', error: { kind: 'aborted' } });
    broker.thaw();
    const offline = connect({ url: 'amqp://127.0.0.1:1', logger: false });
    const stop = new AbortController();
    const never = offline.publish(EXCHANGE, 'k', 1, { signal: stop.signal });
    stop.abort();
    await expect(never).rejects.toMatchObject({ kind: 'aborted' });
    expect(offline.gauges().publisher.waiting).toBe(0);
    await offline.close();
  });

  it('an aborted signal closes the connection, and ends the wait of a close', async () => {
    const stop = new AbortController();
    const other = connectToMemory(broker, 'tester', { signal: stop.signal });
    await other.ready();
    stop.abort();
    expect(await lastValueFrom(other.state$)).toEqual({ name: 'closed' });
    await publish(1);
    void pulse.handle({ queue, bindings }, () => new Promise(() => undefined));
    await expect.poll(() => pulse.gauges().consumers[0]?.count).toBe(1);
    await pulse.close({ deadlineMs: 600_000, signal: AbortSignal.timeout(20) });
  });
});

describe('the log', () => {
  it("goes to a logger with pino's interface", async () => {
    const lines: string[] = [];
    const level = (name: string) => (fields: object, message: string) => {
      lines.push(`${name} ${message} ${Object.keys(fields).join()}`);
    };
    const logger = { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
    const logged = connectToMemory(broker, 'tester', { logger });
    await publish(1);
    const stop = new AbortController();
    await logged.handle({ queue, bindings, retry: false, signal: stop.signal }, () => {
      setImmediate(() => {
        stop.abort();
      });
      throw new Error('no such table');
    });
    await logged.close();
    expect(lines).toContain('info connected to Pulse ');
    expect(lines).toContain('info consuming queue');
    expect(lines.join('\n')).toMatch(
      /^warn the handler failed: no such table \(the message was dead-lettered\)/m,
    );
    expect(lines.at(-1)).toBe('info the connection to Pulse is closed ');
  });

  it('reports a handler that throws undefined', async () => {
    const lines: string[] = [];
    const log = (_: object, message: string) => void lines.push(message);
    const logged = connectToMemory(broker, 'tester', {
      logger: { debug: log, info: log, warn: log, error: log },
    });
    await publish(1);
    const stop = new AbortController();
    await logged.handle({ queue, bindings, retry: false, signal: stop.signal }, () => {
      setImmediate(() => {
        stop.abort();
      });
      // eslint-disable-next-line @typescript-eslint/only-throw-error
      throw undefined;
    });
    await logged.close();
    expect(lines).toContain('the handler failed: undefined (the message was dead-lettered)');
  });

  it('has one line on stderr for an outage by default, and none with logger: false', async () => {
    const written: string[] = [];
    const spy = vi.spyOn(process.stderr, 'write').mockImplementation(text => written.push(String(text)) > 0);
    try {
      for (const logger of [undefined, false] as const) {
        const offline = connect({ url: 'amqp://127.0.0.1:1', backoff: { baseMs: 1, capMs: 5 }, logger });
        await sleep(100);
        await offline.close();
      }
      const outOfReach = connect({ transport: memoryTransport(broker), user: 'tester' });
      const high = namedQueue('high', { maxLength: 9_000 });
      const next = outOfReach.messages({ queue: high, bindings }).next();
      await expect.poll(() => written.length).toBe(2);
      await outOfReach.close();
      await next;
    } finally {
      spy.mockRestore();
    }
    expect(written[0]).toMatch(
      /^tcw\/pulse: the broker at 127\.0\.0\.1:1 cannot be reached: .*\. Trying again/,
    );
    expect(written[1]).toMatch(
      /^tcw\/pulse: maxLength of queue\/tester\/high is 9000, .* use a lower maxLength\n$/,
    );
  });
});

it('console.log of a message shows its main properties, but no headers', async () => {
  await pulse.publish(EXCHANGE, 'k.one', { id: 7 }, { headers: { authorization: 'Bearer s3cr3t' } });
  const { value } = await pulse.messages({ queue, bindings }).next();
  expect(inspect(value)).toBe(
    "PulseMessage {\n  exchange: 'exchange/tester/plain',\n  routingKey: 'k.one',\n  redelivered: false,\n  body: { id: 7 }\n}",
  );
});
