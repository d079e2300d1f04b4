import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { binding, handle, namedQueue, type HandleResult, type PulseMessage } from '../../src/pulse/index.ts';
import { connectToMemory } from '../../src/pulse/testing.ts';

const EXCHANGE = 'exchange/tester/things';
const MINUTE_MS = 60_000;
const COUNT = 500;

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

it.each([
  ['a classic queue', {}],
  ['a quorum queue', { quorum: true }],
])(
  'an outage of ten minutes loses nothing, costs no attempts and calls few handlers, with %s',
  async (_, kind) => {
    const pulse = connectToMemory();
    const queue = namedQueue('outage/v1', { maxLength: 10_000, ...kind });
    const all = binding<number>(EXCHANGE, '#');
    await pulse.declareExchange(EXCHANGE);
    await pulse.queue(queue).declare([all]);
    for (let n = 0; n < COUNT; n++) await pulse.publish(EXCHANGE, 'k', n);

    let down = true;
    let calls = 0;
    const done = new Set<number>();
    const results: HandleResult<PulseMessage<number>>[] = [];
    pulse
      .consume({ queue, bindings: [all] })
      .pipe(
        handle(({ body }) => {
          calls++;
          if (down) throw new Error('the database is away');
          done.add(body);
        }),
      )
      .subscribe(result => results.push(result));

    for (let second = 0; second < 600; second++) await pass(1_000);
    // Those that failed together, and then one each 15 s in the mean: 1, 2, 4, 8, 16 and 30 s, with full jitter.
    expect(calls).toBeGreaterThan(20);
    expect(calls).toBeLessThan(120);
    expect(pulse.gauges().consumers).toMatchObject([{ consuming: true, count: 20 }]);
    // What waits there, and what is held here.
    expect(((await pulse.queue(queue).inspect())?.messages ?? 0) + 20).toBe(COUNT);

    down = false;
    for (let second = 0; second < 10 * 60 && done.size < COUNT; second++) await pass(1_000);
    expect(done.size).toBe(COUNT);
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['retried', 'acked']));
    expect(Math.max(...results.map(({ attempts }) => attempts))).toBeLessThan(10);
    const closing = pulse.close();
    await pass(MINUTE_MS);
    await closing;
  },
);

/** Lets time pass, and what is said in it arrive. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve));
}
