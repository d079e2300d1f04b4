import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import { binding, connect, handle, namedQueue, type Pulse } from '../../src/pulse/index.ts';
import { connectToMemory } from '../../src/pulse/testing.ts';

/** The first message fails once, while its queue is as long as it may be. */
async function failInFullQueue(pulse: Pulse, user: string, overflow: 'drop-head' | 'reject-publish') {
  const exchange = `exchange/${user}/${randomUUID()}`;
  await pulse.declareExchange(exchange);
  const queue = namedQueue(randomUUID(), { maxLength: 2, overflow, expiresMs: 60_000 });
  const all = binding<number>(exchange, '#');
  await pulse.queue(queue).declare([all]);
  await pulse.publish(exchange, 'k', 1);

  const handled: number[] = [];
  const events: string[] = [];
  const full = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  let failures = 0;
  pulse
    .consume({ queue, bindings: [all], prefetch: 1 })
    .pipe(
      handle(
        async ({ body }) => {
          if (body === 1 && failures === 0) {
            started.resolve();
            await full.promise;
            failures++;
            throw new Error('not yet');
          }
          handled.push(body);
        },
        {
          concurrency: 1,
          retry: { backoff: { baseMs: 10, capMs: 10 } },
          onEvent: ({ type }) => events.push(type),
        },
      ),
    )
    .subscribe();
  await started.promise;
  await pulse.publish(exchange, 'k', 2);
  await pulse.publish(exchange, 'k', 3);
  full.resolve();
  await expect.poll(() => handled.includes(1) && handled.includes(3)).toBe(true);
  // What waits is handled before the queue is empty, or it is not there.
  await expect.poll(async () => (await pulse.queue(queue).inspect())?.messages).toBe(0);
  await pulse.close();
  return { handled: handled.sort(), events };
}

describe.each(['RabbitMQ', 'the in-memory broker'])('a failure while the queue is full, on %s', name => {
  const user = name === 'RabbitMQ' ? new URL(inject('pulseUrl')).username : 'tester';
  const open = () => (name === 'RabbitMQ' ? connect({ url: inject('pulseUrl') }) : connectToMemory());

  it('drops the oldest message to make room for the copy if the queue drops its oldest', async () => {
    const { handled, events } = await failInFullQueue(open(), user, 'drop-head');
    expect(handled).toEqual([1, 3]);
    expect(events).not.toContain('not-counted');
  });

  it('drops nothing if the queue refuses new messages: it is counted only locally, and this is reported', async () => {
    const { handled, events } = await failInFullQueue(open(), user, 'reject-publish');
    expect(handled).toEqual([1, 2, 3]);
    expect(events).toContain('not-counted');
  });
});
