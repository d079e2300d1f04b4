import fc from 'fast-check';
import { BehaviorSubject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { binding, connect, namedQueue, type Settlement, type PulseMessage } from '../../src/pulse/index.ts';
import { MemoryBroker, memoryTransport } from '../../src/pulse/testing.ts';
import { DeliveredMessage } from '../../src/pulse/consume/message.ts';

const EXCHANGE = 'exchange/tester/accounts';
const QUEUE = namedQueue('accounts', { expiresMs: 60_000, maxLength: 10_000 });

type Step =
  | { readonly do: 'publish'; readonly count: number }
  | { readonly do: 'want'; readonly who: number; readonly count: number }
  | { readonly do: 'settle'; readonly who: number; readonly which: number; readonly as: Settlement }
  | { readonly do: 'park'; readonly who: number; readonly which: number; readonly parked: boolean }
  | { readonly do: 'cut' }
  | { readonly do: 'pass'; readonly turns: number };

const who = fc.nat(1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('want' as const), who, count: fc.nat(4) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      who,
      which: fc.nat(3),
      as: fc.constantFrom<Settlement>('ack', 'ack', 'requeue', 'reject'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('park' as const),
      who,
      which: fc.nat(5),
      parked: fc.constantFrom(true, true, false),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('pass' as const), turns: fc.integer({ min: 1, max: 3 }) }),
  },
);

/** A consumer that tells how many more it wants, and lowers that with each message, as a worker with slots does. */
class Wanting {
  readonly held: PulseMessage<number>[] = [];
  readonly demand$ = new BehaviorSubject(0);

  get wanted(): number {
    return this.demand$.value;
  }

  take(message: PulseMessage<number>): void {
    this.held.push(message);
    this.demand$.next(this.wanted - 1);
  }
}

/** Plays the steps, and returns everything that went against the promise. */
async function play(steps: readonly Step[], flow: 'demand' | 'prefetch' = 'demand'): Promise<string[]> {
  const wrong: string[] = [];
  const broker = new MemoryBroker();
  const options = { transport: memoryTransport(broker), user: 'tester', backoff: { baseMs: 1, capMs: 1 } };
  const pulse = connect(options);
  await pulse.declareExchange(EXCHANGE);
  const publishing: Promise<void>[] = [];
  /** Where each message is: with us, back at the broker, or done with. */
  const fate = new Map<number, 'published' | 'held' | 'returned' | 'done'>();

  const consumers = [new Wanting(), new Wanting()];
  let finishing = false;
  const settle = (message: PulseMessage<number>, as: Settlement) => {
    if (!message[as]()) return;
    fate.set(message.body, as === 'requeue' ? 'returned' : 'done');
  };
  for (const consumer of consumers) {
    pulse
      .consume({
        queue: QUEUE,
        bindings: [binding<number>(EXCHANGE, '#')],
        ...(flow === 'demand' ? { demand$: consumer.demand$ } : { prefetch: 6 }),
      })
      .subscribe(message => {
        const before = fate.get(message.body);
        if (flow === 'demand' && consumer.wanted <= 0) wrong.push(`${message.body} came unwanted`);
        if (before !== 'published' && before !== 'returned') {
          wrong.push(`${message.body} came while ${before ?? 'unknown'}`);
        }
        if (before === 'returned' && !message.redelivered) wrong.push(`${message.body} came again, unmarked`);
        fate.set(message.body, 'held');
        consumer.take(message);
        if (finishing) settle(message, 'ack');
      });
  }
  await turns(20);

  const act = async (now: Step) => {
    switch (now.do) {
      case 'publish':
        for (let n = 0; n < now.count; n++) {
          const body = fate.size;
          fate.set(body, 'published');
          publishing.push(pulse.publish(EXCHANGE, 'k', body));
        }
        break;
      case 'want':
        consumers[now.who]?.demand$.next(now.count);
        break;
      case 'settle': {
        const together = flow === 'demand' ? 1 : 3;
        for (const message of consumers[now.who]?.held.splice(now.which, together) ?? [])
          settle(message, now.as);
        break;
      }
      case 'park': {
        const message = consumers[now.who]?.held[now.which];
        const { delivery, origin } = (message && DeliveredMessage.sourceOf(message)) ?? {};
        if (delivery) origin?.excludeFromPrefetch(delivery, now.parked);
        break;
      }
      case 'cut':
        // A message whose confirmation is lost is published again: let those settle before.
        await Promise.all(publishing);
        // Outcomes that are not sent yet are lost with the connection, and their messages come again.
        await turns(1);
        for (const { held } of consumers) for (const { body } of held.splice(0)) fate.set(body, 'returned');
        await broker.dropConnections();
        break;
      case 'pass':
        await turns(now.turns);
    }
  };
  for (const now of steps) {
    // Without a turn in between, outcomes go out together.
    const acting = act(now);
    if (flow === 'demand' || now.do !== 'settle') await acting;
  }

  await Promise.all(publishing);
  const waiting = () => broker.queue('queue/tester/accounts').length;
  /** How many more the broker would send now: what it keeps from others, and what it owes us. */
  const open = () =>
    broker
      .queue('queue/tester/accounts')
      .consumers.reduce((sum, { prefetch, unacked }) => sum + prefetch - unacked, 0);
  const wanted = () => consumers.reduce((sum, consumer) => sum + consumer.wanted, 0);
  const exact = () => open() === wanted() && (waiting() === 0 || wanted() === 0);
  if (flow === 'demand') await until(exact);
  if (flow === 'demand' && !exact())
    wrong.push(`${wanted()} are wanted, ${open()} may come, ${waiting()} are waiting`);

  // What is held comes again, all of it, unless the broker was told too much.
  if (flow === 'prefetch') await act({ do: 'cut' });
  finishing = true;
  for (const consumer of consumers) {
    for (const message of consumer.held.splice(0)) settle(message, 'ack');
    consumer.demand$.next(1_000);
  }
  await until(() => [...fate.values()].every(where => where === 'done'));
  for (const [body, where] of fate) if (where !== 'done') wrong.push(`${body} is ${where} in the end`);
  await pulse.close(0);
  return wrong;
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setImmediate(resolve));
}

/** Long enough for a reconnect and everything that follows it. */
async function settledDown(): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 5));
  await turns(40);
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 50 && !condition(); tries++) await settledDown();
}

describe('a demand on the in-memory broker', () => {
  it('is never exceeded and always met, and no message is lost, or delivered twice unless it was given back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async steps => {
        expect(await play(steps)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a prefetch on the in-memory broker', () => {
  it('loses no message either, although acknowledgements are sent together and some messages are parked', async () => {
    const together = fc.array(step, { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(together, async steps => {
        expect(await play(steps, 'prefetch')).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
