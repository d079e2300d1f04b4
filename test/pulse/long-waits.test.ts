import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  binding,
  handle,
  namedQueue,
  retryLater,
  type HandleEvent,
  type Handler,
  type HandleOptions,
  type HandleResult,
  type Pulse,
  type PulseMessage,
  type QueueSpec,
} from '../../src/pulse/index.ts';
import { connectToMemory, MemoryBroker } from '../../src/pulse/testing.ts';

const EXCHANGE = 'exchange/tester/waits';
const MINUTE_MS = 60_000;
const all = binding<number>(EXCHANGE, '#');

let broker: MemoryBroker;
let pulse: Pulse;
let events: HandleEvent[];

beforeEach(async () => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
  broker = new MemoryBroker();
  pulse = connectToMemory(broker);
  events = [];
  await pulse.declareExchange(EXCHANGE);
});
afterEach(async () => {
  const closing = pulse.close();
  await pass(MINUTE_MS);
  await closing;
  vi.useRealTimers();
});

describe('waiting messages that have failed', () => {
  it('get no second copy while an alarm blocks the first one, however long it takes', async () => {
    const queue = namedQueue('alarm/v1', { maxLength: 100 });
    await backlog(queue, [1]);
    let down = true;
    const retry = { backoff: { baseMs: 500, capMs: 500 } };
    const { results } = handling(queue, () => (down ? fail() : undefined), { retry });
    // The way back is there before the alarm, as in a program that has had a failure.
    await pass(2_000);
    broker.blockPublishers();
    for (let minute = 0; minute < 60; minute++) await pass(10_000);
    down = false;
    broker.unblockPublishers();
    for (let second = 0; second < 10; second++) await pass(1_000);
    expect(results.filter(({ outcome }) => outcome === 'acked')).toHaveLength(1);
    expect(results.at(-1)?.outcome).toBe('acked');
    expect(events).toEqual([]);
    expect(await pulse.queue(queue).inspect()).toMatchObject({ messages: 0 });
    expect(pulse.gauges().consumers).toMatchObject([{ count: 0 }]);
  });

  it('do not delay others while their copy is blocked', async () => {
    const queue = namedQueue('alarm/v2', { maxLength: 100 });
    await backlog(queue, [-1]);
    const done: number[] = [];
    const retry = { backoff: { baseMs: 500, capMs: 500 } };
    handling(queue, body => (body < 0 ? fail() : done.push(body)), { retry, concurrency: 1 });
    await pass(2_000);
    await publishAll([-2, -3, -4, 1, 2, 3]);
    broker.blockPublishers();
    for (let second = 0; second < 10; second++) await pass(1_000);
    expect(done).toEqual([1, 2, 3]);
    broker.unblockPublishers();
  });

  it('number at most a thousand in addition to the prefetch, and an event reports once when others must wait', async () => {
    const queue = namedQueue('crowd/v1', { maxLength: 5_000, quorum: true });
    await backlog(
      queue,
      Array.from({ length: 1_200 }, () => -1),
    );
    const done: number[] = [];
    handling(queue, body => (body < 0 ? retryLater(10 * MINUTE_MS) : done.push(body)), { concurrency: 10 });
    for (let second = 0; second < 300; second++) await pass(1_000);
    await publishAll([1]);
    await pass(1_000);
    expect(events).toEqual([{ type: 'crowded', waiting: expect.any(Number) }]);
    const held = pulse.gauges().consumers[0]?.count ?? 0;
    expect(held).toBeGreaterThanOrEqual(1_000);
    expect(held).toBeLessThanOrEqual(1_040);
    expect(done).toEqual([]);
  });

  it('are skipped, one at each attempt, if so many fail in a row that it looks like an outage', async () => {
    const queue = namedQueue('row/v1', { maxLength: 100, quorum: true });
    await backlog(queue, [...Array.from({ length: 20 }, () => -1), 1, 2, 3]);
    const done: number[] = [];
    const retry = { backoff: { baseMs: 10 * MINUTE_MS, capMs: 10 * MINUTE_MS } };
    handling(queue, body => (body < 0 ? fail() : done.push(body)), { retry, concurrency: 1 });
    for (let second = 0; second < 10; second++) await pass(1_000);
    expect(events.map(({ type }) => type)).toContain('paused');
    expect(pulse.gauges().consumers[0]?.count).toBeLessThan(15);
    // Before the first of them is due again.
    for (let second = 0; second < 250 && done.length < 3; second++) await pass(2_000);
    expect(done).toEqual([1, 2, 3]);
  });
});

function fail(): never {
  throw new Error('not now');
}

async function publishAll(bodies: readonly number[]): Promise<void> {
  for (const body of bodies) await pulse.publish(EXCHANGE, 'k', body);
}

async function backlog(queue: QueueSpec, bodies: readonly number[]): Promise<void> {
  await pulse.queue(queue).declare([all]);
  await publishAll(bodies);
}

function handling(queue: QueueSpec, handler: (body: number) => unknown, options: HandleOptions) {
  const results: HandleResult<PulseMessage<number>>[] = [];
  const each: Handler<PulseMessage<number>> = ({ body }) => handler(body);
  pulse
    .consume({ queue, bindings: [all] })
    .pipe(handle(each, { ...options, onEvent: event => events.push(event) }))
    .subscribe(result => results.push(result));
  return { results };
}

/** Lets time pass, and what is said in it arrive. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve));
}
