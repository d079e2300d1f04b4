import { connect as connectRaw } from 'amqplib';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { filter, lastValueFrom, map, mergeMap, of, Subject, take, tap, toArray } from 'rxjs';
import { expect, inject, it, onTestFinished } from 'vitest';
import { binding, connect, ephemeralQueue, namedQueue, type Pulse } from '../../src/pulse/index.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const CYCLES = 1_000;
/** What amqplib has of one channel is some ten KiB: a thousand of them would be far beyond this. */
const ALLOWED_BYTES = 3 * 1024 * 1024;

it(`${CYCLES} subscriptions leave no memory, timer or socket behind`, async () => {
  const pulse = connect({ url: inject('pulseUrl') });
  const exchange = `exchange/tcw-test/${randomUUID()}`;
  await pulse.declareExchange(exchange);
  await subscribeAndGo(pulse, exchange, 200);
  const before = await leftovers();
  await subscribeAndGo(pulse, exchange, CYCLES);
  const after = await leftovers();
  await pulse.close();
  expect(after.bytes - before.bytes).toBeLessThan(ALLOWED_BYTES);
  expect(after.sockets).toBe(before.sockets);
  expect(after.timers).toBeLessThanOrEqual(before.timers);
});

it('100,000 waiting messages and slow handlers need no more memory than the prefetch allows', async () => {
  const queue = namedQueue(`waiting-${randomUUID()}`, { expiresMs: 60_000, maxLength: 200_000 });
  const name = queue.nameFor('tcw-test');
  const exchange = `exchange/tcw-test/${randomUUID()}`;
  const raw = await connectRaw(inject('pulseUrl'));
  onTestFinished(() => raw.close());
  const channel = await raw.createChannel();
  const { exclusive, durable, autoDelete, expiresMs: expires, maxLength } = queue.options;
  await channel.assertExchange(exchange, 'topic');
  await channel.assertQueue(name, {
    exclusive,
    durable,
    autoDelete,
    ...(expires && { expires }),
    ...(maxLength && { maxLength }),
  });
  await channel.bindQueue(name, exchange, '#');
  const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(200) }));
  for (let n = 0; n < 100_000; n++) {
    if (!channel.publish(exchange, 'k', body)) await once(channel, 'drain');
  }
  await expect.poll(async () => (await channel.checkQueue(name)).messageCount).toBe(100_000);

  const pulse = connect({ url: inject('pulseUrl') });
  onTestFinished(() => pulse.close(0));
  const most = { handlers: 0, held: 0 };
  let handlers = 0;
  let held = 0;
  const handled$ = pulse.consume({ queue, bindings: [], prefetch: 40 }).pipe(
    tap(() => (most.held = Math.max(most.held, ++held))),
    mergeMap(async message => {
      most.handlers = Math.max(most.handlers, ++handlers);
      await sleep(1);
      handlers--;
      held--;
      return message.ack();
    }, 10),
  );
  const before = heapBytes();
  // Measured while it consumes: what was buffered would be gone afterwards.
  const growths = await lastValueFrom(
    handled$.pipe(
      take(5_000),
      filter((_, index) => index % 1_000 === 999),
      map(() => heapBytes() - before),
      toArray(),
    ),
  );
  await channel.deleteQueue(name);
  expect(most).toEqual({ handlers: 10, held: 40 });
  expect(growths.filter(bytes => bytes > ALLOWED_BYTES)).toEqual([]);
});

/** Consumes and stops, by turns with a prefetch or a demand, and by an unsubscribe or `until$`. */
async function subscribeAndGo(pulse: Pulse, exchange: string, times: number): Promise<void> {
  const bounds = { expiresMs: 60_000, maxLength: 10 };
  for (let time = 0; time < times; time++) {
    const consuming = Promise.withResolvers<undefined>();
    const completed = Promise.withResolvers<undefined>();
    const until$ = new Subject<void>();
    const subscription = pulse
      .consume({
        queue: time % 2 === 0 ? ephemeralQueue('leftovers') : namedQueue('leftovers', bounds),
        bindings: [binding(exchange, '#')],
        until$,
        ...(time % 3 === 0 && { demand$: of(3) }),
        onEvent: () => {
          consuming.resolve(undefined);
        },
      })
      .subscribe({
        complete: () => {
          completed.resolve(undefined);
        },
      });
    await consuming.promise;
    if (time % 5 === 0) {
      until$.next();
      await completed.promise;
    } else {
      subscription.unsubscribe();
    }
  }
}

async function leftovers(): Promise<{ bytes: number; sockets: number; timers: number }> {
  // The last channels are still being closed.
  await sleep(200);
  const resources = process.getActiveResourcesInfo();
  const count = (type: string) => resources.filter(found => found === type).length;
  return { bytes: heapBytes(), sockets: count('TCPSocketWrap'), timers: count('Timeout') };
}

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
