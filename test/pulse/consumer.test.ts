import { setTimeout as sleep } from 'node:timers/promises';
import { BehaviorSubject, NEVER } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Consumer } from '../../src/pulse/consume/consumer.ts';
import type { Delivery, TransportChannel } from '../../src/pulse/index.ts';

/** A channel that writes down what is said to it, and whose deliveries come in the very moment that a test says. */
function channelUnderTest() {
  const said: string[] = [];
  let deliver: (delivery: Delivery) => void = () => undefined;
  let tags = 0;
  const nothing = async () => undefined;
  const channel: TransportChannel = {
    closed: new Promise(() => undefined),
    declareQueue: nothing,
    declareExchange: nothing,
    bindQueue: nothing,
    unbindQueue: nothing,
    checkQueue: async () => ({ messages: 0, consumers: 0 }),
    deleteQueue: nothing,
    purgeQueue: async () => 0,
    consume: async (_, prefetch, onDelivery) => {
      said.push(`consume ${prefetch}`);
      deliver = onDelivery;
      return `consumer ${prefetch}`;
    },
    cancel: async tag => {
      said.push(`cancel ${tag}`);
    },
    ack: (tag, upTo) => said.push(`ack ${upTo ? 'up to ' : ''}${tag}`),
    nack: tag => said.push(`requeue ${tag}`),
    reject: (tag, requeue) => said.push(`${requeue ? 'retry' : 'reject'} ${tag}`),
    publish: () => undefined,
    close: async () => {
      said.push('close');
    },
  };
  const arrive = () => {
    deliver({
      deliveryTag: ++tags,
      redelivered: false,
      exchange: '',
      routingKey: '',
      content: Buffer.from(''),
      headers: {},
    });
  };
  return { channel, said, arrive };
}

const none = () => undefined;
/** Long enough for what is said at the end of a turn. */
const turn = () => new Promise(resolve => setTimeout(resolve, 5));

describe('a consumer', () => {
  it('gives back messages that arrived while there was no demand, even if the demand returns right after', async () => {
    const { channel, said, arrive } = channelUnderTest();
    const demand$ = new BehaviorSubject(2);
    let handed = 0;
    const consumer = new Consumer(channel, 'queue', { demand$ }, () => handed++, none);
    await consumer.start();
    demand$.next(0);
    arrive();
    demand$.next(1);
    await sleep(0);
    expect(handed).toBe(0);
    expect(said).toEqual(['consume 2', 'cancel consumer 2', 'requeue 1', 'consume 1']);
  });

  it('sends an acknowledgement after the cancel of the same turn, because it would open the window', async () => {
    const { channel, said, arrive } = channelUnderTest();
    const demand$ = new BehaviorSubject(1);
    const consumer = new Consumer(channel, 'queue', { demand$ }, none, none);
    await consumer.start();
    arrive();
    consumer.settle(1, 'ack');
    demand$.next(0);
    await sleep(0);
    expect(said).toEqual(['consume 1', 'cancel consumer 1', 'ack 1']);
  });

  it('does not replace the consumer for each settled message', async () => {
    const { channel, said, arrive } = channelUnderTest();
    const demand$ = new BehaviorSubject(2);
    const consumer = new Consumer(
      channel,
      'queue',
      { demand$ },
      () => {
        demand$.next(demand$.value - 1);
      },
      none,
    );
    await consumer.start();
    arrive();
    arrive();
    for (const tag of [1, 2]) {
      consumer.settle(tag, 'ack');
      demand$.next(demand$.value + 1);
      await sleep(0);
    }
    expect(said).toEqual(['consume 2', 'ack 1', 'ack 2']);
  });

  it('sends the settlements of a turn before it is abandoned, and accepts none afterwards', async () => {
    const { channel, said, arrive } = channelUnderTest();
    const consumer = new Consumer(channel, 'queue', { prefetch: 2 }, none, none);
    await consumer.start();
    arrive();
    arrive();
    expect(consumer.settle(1, 'ack')).toBe(true);
    void consumer.abandon();
    expect(consumer.settle(2, 'ack')).toBe(false);
    await sleep(0);
    expect(said).toEqual(['consume 2', 'ack 1', 'close']);
  });

  it('closes its channel when it is stopped and its last message is settled', async () => {
    const { channel, said, arrive } = channelUnderTest();
    const consumer = new Consumer(channel, 'queue', { prefetch: 2 }, none, none);
    await consumer.start();
    arrive();
    const stopping = consumer.stop();
    arrive();
    await stopping;
    consumer.settle(1, 'reject');
    await turn();
    expect(said).toEqual(['consume 2', 'cancel consumer 2', 'requeue 2', 'reject 1', 'close']);
  });

  describe('acknowledges the messages of a turn', () => {
    it.each([
      ['in one frame, where nothing older is unsettled', [1, 2, 3], ['ack up to 3']],
      ['in one frame, in whatever order', [3, 1, 2], ['ack up to 3']],
      [
        'up to the first that is still held, and the others one by one',
        [1, 2, 4, 5],
        ['ack up to 2', 'ack 4', 'ack 5'],
      ],
      ['one by one behind one that is still held', [2, 3], ['ack 2', 'ack 3']],
      ['of a single message as itself', [1], ['ack 1']],
    ])('%s', async (_, tags, expected) => {
      const { channel, said, arrive } = channelUnderTest();
      const consumer = new Consumer(channel, 'queue', { prefetch: 5 }, none, none);
      await consumer.start();
      for (let n = 0; n < 5; n++) arrive();
      for (const tag of tags) consumer.settle(tag, 'ack');
      await turn();
      expect(said.slice(1)).toEqual(expected);
    });

    it('after those that are given back, which the frame for several messages must not include', async () => {
      const { channel, said, arrive } = channelUnderTest();
      const consumer = new Consumer(channel, 'queue', { prefetch: 5 }, none, none);
      await consumer.start();
      for (let n = 0; n < 5; n++) arrive();
      consumer.settle(1, 'ack');
      consumer.settle(2, 'requeue');
      consumer.settle(3, 'reject');
      consumer.settle(4, 'retry');
      consumer.settle(5, 'ack');
      await turn();
      expect(said.slice(1)).toEqual(['requeue 2', 'reject 3', 'retry 4', 'ack up to 5']);
      expect(consumer.held).toEqual({ count: 0, oldestMs: 0 });
    });
  });

  describe('whose window is half full of parked messages', () => {
    it('is replaced by one with a full window before it ends', async () => {
      const { channel, said, arrive } = channelUnderTest();
      const consumer = new Consumer(channel, 'queue', { prefetch: 4 }, none, none);
      await consumer.start();
      for (let n = 0; n < 4; n++) arrive();
      consumer.excludeFromPrefetch(2, true);
      await turn();
      expect(said).toEqual(['consume 4']);
      consumer.excludeFromPrefetch(3, true);
      await turn();
      expect(said).toEqual(['consume 4', 'consume 4', 'cancel consumer 4']);
      expect(consumer.held.count).toBe(4);
    });

    it('is not replaced if those messages are unparked or settled within the turn', async () => {
      const { channel, said, arrive } = channelUnderTest();
      const consumer = new Consumer(channel, 'queue', { prefetch: 2 }, none, none);
      await consumer.start();
      arrive();
      arrive();
      consumer.excludeFromPrefetch(1, true);
      consumer.excludeFromPrefetch(1, false);
      consumer.excludeFromPrefetch(2, true);
      consumer.settle(2, 'requeue');
      await turn();
      expect(said).toEqual(['consume 2', 'requeue 2']);
    });

    it('never acknowledges parked messages together with later ones', async () => {
      const { channel, said, arrive } = channelUnderTest();
      const consumer = new Consumer(channel, 'queue', { prefetch: 2 }, none, none);
      await consumer.start();
      arrive();
      arrive();
      consumer.excludeFromPrefetch(2, true);
      await turn();
      arrive();
      arrive();
      for (const tag of [1, 3, 4]) consumer.settle(tag, 'ack');
      await turn();
      expect(said.slice(3)).toEqual(['ack 1', 'ack 3', 'ack 4']);
      consumer.settle(2, 'retry');
      await turn();
      expect(said.slice(6)).toEqual(['retry 2']);
    });

    it('is not replaced while a thousand messages are already held in addition', async () => {
      const { channel, said, arrive } = channelUnderTest();
      const consumer = new Consumer(channel, 'queue', { prefetch: 1 }, none, none);
      await consumer.start();
      for (let tag = 1; tag <= 1_000; tag++) {
        arrive();
        expect(consumer.excludeFromPrefetch(tag, true)).toBe(true);
        await new Promise(setImmediate);
      }
      arrive();
      expect(consumer.excludeFromPrefetch(1_001, true)).toBe(false);
      await turn();
      const asked = () => said.filter(what => what === 'consume 1').length;
      expect(asked()).toBe(1_001);
      consumer.settle(5, 'retry');
      await turn();
      expect(asked()).toBe(1_002);
    });

    it('is not replaced if it has a demand, which already accounts for held messages', async () => {
      const { channel, said, arrive } = channelUnderTest();
      const demand$ = new BehaviorSubject(1);
      const consumer = new Consumer(channel, 'queue', { demand$ }, none, none);
      await consumer.start();
      arrive();
      demand$.next(0);
      expect(consumer.excludeFromPrefetch(1, true)).toBe(true);
      await turn();
      expect(said).toEqual(['consume 1']);
    });
  });

  it('does nothing until its demand has emitted', async () => {
    const { channel, said } = channelUnderTest();
    await new Consumer(channel, 'queue', { demand$: NEVER }, none, none).start();
    expect(said).toEqual([]);
  });
});
