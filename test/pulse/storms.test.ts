import { setImmediate } from 'node:timers/promises';
import { firstValueFrom, NEVER, filter, map, take, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { binding, connect, namedQueue, PulseError, type Transport } from '../../src/pulse/index.ts';
import { connectToMemory, MemoryBroker } from '../../src/pulse/testing.ts';
import { FailuresInARow } from '../../src/pulse/session/backoff.ts';

/** Short at first, so that a loop without a growing pause is over long before one that has it. */
const BACKOFF = { baseMs: 2, capMs: 200 };
const TRIES = 14;
/** What the growing pauses of so many tries never add up to less than, as far as chance allows. */
const GROWN_MS = 100;

describe('the delay before opening again grows for', () => {
  it('a connection that ends as soon as it is open', async () => {
    const closed = Promise.resolve(new PulseError('connection', 'closed at once'));
    const transport: Transport = {
      connect: async () => ({
        closed,
        blocked$: NEVER,
        openChannel: async () => {
          throw await closed;
        },
        close: async () => undefined,
      }),
    };
    const pulse = connect({ transport, backoff: BACKOFF });
    const waits = await firstValueFrom(
      pulse.state$.pipe(
        filter(state => state.name === 'waiting'),
        map(({ retryInMs }) => retryInMs),
        take(TRIES),
        toArray(),
      ),
    );
    await pulse.close();
    expect(waits.reduce((sum, wait) => sum + wait)).toBeGreaterThan(GROWN_MS);
  });

  it('the channel of messages that are refused one after another', async () => {
    const pulse = connectToMemory(new MemoryBroker(), 'tester', { backoff: BACKOFF });
    await pulse.declareExchange('exchange/tester/there');
    await pulse.publish('exchange/tester/there', 'k', 0);
    const startedMs = performance.now();
    for (let n = 0; n < TRIES; n++) {
      expect(await pulse.tryPublish('exchange/tester/nowhere', 'k', n)).toMatchObject({ status: 'refused' });
    }
    expect(performance.now() - startedMs).toBeGreaterThan(GROWN_MS);
    await pulse.close();
  });

  it('a consumer that ends soon, even if it receives a message each time', async () => {
    const broker = new MemoryBroker();
    const pulse = connectToMemory(broker, 'tester', { backoff: BACKOFF });
    const exchange = 'exchange/tester/there';
    const queue = namedQueue('ended', { maxLength: 10 });
    await pulse.declareExchange(exchange);
    await pulse.queue(queue).declare([binding(exchange, '#')]);
    await pulse.publish(exchange, 'k', 'again and again');
    const startedMs = performance.now();
    const messages$ = pulse.consume({ queue, bindings: [] });
    await new Promise<void>(resolve => {
      messages$.pipe(take(TRIES)).subscribe({
        next: () => {
          void setImmediate().then(() => {
            broker.killConsumers('queue/tester/ended');
          });
        },
        complete: resolve,
      });
    });
    expect(performance.now() - startedMs).toBeGreaterThan(GROWN_MS);
    await pulse.close(0);
  });
});

describe('failures in a row', () => {
  it('are counted until something has lasted', () => {
    const failures = new FailuresInARow(10_000);
    const counted = [1, 2, 3].map(() => {
      failures.opened();
      return failures.failed();
    });
    expect([...counted, failures.failed()]).toEqual([1, 2, 3, 4]);
  });

  it('are counted anew after something has lasted, but not after failed attempts to open', () => {
    const failures = new FailuresInARow(0);
    expect([failures.failed(), failures.failed()]).toEqual([1, 2]);
    failures.opened();
    expect([failures.failed(), failures.failed()]).toEqual([1, 2]);
  });
});
