import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Outbox, type OutgoingMessage } from '../../src/pulse/publish/outbox.ts';
import {
  PulseError,
  type Confirmation,
  type PublishResult,
  type TransportChannel,
} from '../../src/pulse/index.ts';

/** A channel that keeps what it is given until a test answers. */
class Channel {
  readonly sent: string[] = [];
  readonly answers: ((answer: Confirmation | PulseError) => void)[] = [];
  broken = false;
  readonly transport = {
    publish: (
      _exchange: string,
      routingKey: string,
      _content: Uint8Array,
      _properties: object,
      settled: (answer: Confirmation | PulseError) => void,
    ) => {
      if (this.broken) throw new PulseError('connection', 'the channel is closed');
      if (routingKey === 'invalid') throw new PulseError('invalid', 'does not fit');
      this.sent.push(routingKey);
      this.answers.push(settled);
    },
  } as TransportChannel;

  confirm(...which: number[]): void {
    for (const n of which) this.answers[n]?.({ type: 'confirmed' });
  }
}

function posting(outbox: Outbox) {
  const results: Record<string, PublishResult> = {};
  const settledTwice: string[] = [];
  const post = (routingKey: string, more: Partial<OutgoingMessage> = {}) => {
    outbox.post({
      exchange: 'exchange/me/things',
      routingKey,
      content: Buffer.from('12345'),
      properties: { routes: [] },
      deadlineMs: 10_000,
      settle: result => {
        if (results[routingKey]) settledTwice.push(routingKey);
        results[routingKey] = result;
      },
      ...more,
    });
  };
  return {
    post,
    results,
    settledTwice,
    statuses: () => Object.fromEntries(Object.entries(results).map(([key, { status }]) => [key, status])),
  };
}

describe('the outbox', () => {
  it('keeps the order after a lost channel, and sends unconfirmed messages again', () => {
    const outbox = new Outbox();
    const { post, statuses } = posting(outbox);
    ['a', 'b'].forEach(key => post(key));
    const first = new Channel();
    outbox.open(first.transport);
    post('c');
    expect(first.sent).toEqual(['a', 'b', 'c']);
    first.confirm(1);
    outbox.lost(new PulseError('connection', 'cut'));
    post('d');
    const second = new Channel();
    outbox.open(second.transport);
    expect(second.sent).toEqual(['a', 'c', 'd']);
    first.confirm(0, 2);
    expect(statuses()).toEqual({ b: 'confirmed' });
    second.confirm(0, 1, 2);
    expect(statuses()).toEqual({ a: 'confirmed', b: 'confirmed', c: 'confirmed', d: 'confirmed' });
    expect(outbox.gauge).toEqual({ waiting: 0, waitingBytes: 0, unconfirmed: 0 });
  });

  it('delays a mandatory message, and all later ones, while one that looks the same is unconfirmed', () => {
    const outbox = new Outbox();
    const { post, statuses } = posting(outbox);
    const same = {
      content: Buffer.from('same'),
      properties: { routes: [], mandatory: true, messageId: 'id' },
    };
    const alike = (more: Partial<OutgoingMessage>) => ({ ...same, content: Buffer.from('same'), ...more });
    const first = new Channel();
    outbox.open(first.transport);
    post('a', alike({}));
    post('b', alike({}));
    post('a', alike({ content: Buffer.from('other') }));
    post('a', alike({ properties: { routes: [], mandatory: true } }));
    post('a', alike({ properties: { routes: [], messageId: 'id' } }));
    post('a', alike({ exchange: 'exchange/me/else' }));
    expect(first.sent).toHaveLength(6);
    post('a', alike({ properties: { ...same.properties, headers: { x: 1 } } }));
    post('c');
    expect([first.sent.length, outbox.gauge.waiting]).toEqual([6, 2]);
    first.confirm(1, 2, 3, 4, 5);
    expect(first.sent).toHaveLength(6);
    first.confirm(0);
    expect(first.sent.slice(6)).toEqual(['a', 'c']);
    // On another channel nothing is under way any more.
    outbox.lost();
    const second = new Channel();
    outbox.open(second.transport);
    expect(second.sent).toEqual(['a', 'c']);
    second.confirm(0, 1);
    expect(statuses()).toEqual({ a: 'confirmed', b: 'confirmed', c: 'confirmed' });
    expect(outbox.gauge).toEqual({ waiting: 0, waitingBytes: 0, unconfirmed: 0 });
  });

  it('refuses the messages to the exchange that the broker names in its error, and sends the others again', () => {
    const outbox = new Outbox();
    const { post, statuses } = posting(outbox);
    const first = new Channel();
    outbox.open(first.transport);
    post('a');
    post('b', { exchange: 'exchange/me/nowhere' });
    post('c');
    outbox.lost(new PulseError('not-found', "no exchange 'exchange/me/nowhere' in vhost '/'"));
    expect(statuses()).toEqual({ b: 'refused' });
    const second = new Channel();
    outbox.open(second.transport);
    expect(second.sent).toEqual(['a', 'c']);
  });

  it('does not refuse a message whose exchange only begins like the one in the error', () => {
    const outbox = new Outbox();
    const { post, statuses } = posting(outbox);
    outbox.open(new Channel().transport);
    post('a', { exchange: 'exchange/me/it' });
    post('b', { exchange: "exchange/me/it's" });
    post('c', { exchange: "exchange/me/it's' not" });
    outbox.lost(new PulseError('not-found', "no exchange 'exchange/me/it's' (404)"));
    expect(statuses()).toEqual({ b: 'refused' });
  });

  it('suspects all messages if none was published to the exchange in the error', () => {
    const outbox = new Outbox();
    const { post, statuses } = posting(outbox);
    const blamed = new PulseError('not-found', "no exchange 'gr??e' (404)");
    outbox.open(new Channel().transport);
    ['a', 'b', 'c'].forEach(key => post(key));
    outbox.lost(blamed);
    const second = new Channel();
    outbox.open(second.transport);
    expect(second.sent).toEqual(['a']);
    second.confirm(0);
    expect(second.sent).toEqual(['a', 'b']);
    outbox.lost(blamed);
    expect(statuses()).toEqual({ a: 'confirmed', b: 'refused' });
    const third = new Channel();
    outbox.open(third.transport);
    expect(third.sent).toEqual(['c']);
  });

  it('is not idle while messages wait that were lost with the channel of a refused one', async () => {
    const outbox = new Outbox();
    const { post, statuses } = posting(outbox);
    outbox.open(new Channel().transport);
    let idle = false;
    post('poisonous', { exchange: 'exchange/me/nowhere' });
    post('harmless');
    void outbox.idle().then(() => (idle = true));
    outbox.lost(new PulseError('not-found', "no exchange 'exchange/me/nowhere' (404)"));
    await sleep(0);
    expect([statuses(), idle]).toEqual([{ poisonous: 'refused' }, false]);
    const second = new Channel();
    outbox.open(second.transport);
    second.confirm(0);
    await sleep(0);
    expect([statuses(), idle]).toEqual([{ poisonous: 'refused', harmless: 'confirmed' }, true]);
  });

  it('reports at its end which messages were never sent, and which may have arrived', () => {
    const outbox = new Outbox();
    const { post, results } = posting(outbox);
    const channel = new Channel();
    outbox.open(channel.transport);
    post('sent before');
    outbox.lost();
    post('waits');
    outbox.open(channel.transport);
    channel.broken = true;
    post('not sent');
    outbox.end(new PulseError('closed', 'publishing was closed'));
    expect(results).toMatchObject({
      'sent before': {
        status: 'expired',
        error: { kind: 'closed', message: expect.stringMatching('arrived') },
      },
      waits: { status: 'expired', error: { kind: 'closed' } },
      'not sent': { status: 'refused', error: { kind: 'closed' } },
    });
  });

  it('finds the poisonous message of a broker that gives no reason, even if more are posted every 200 ms', () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const outbox = new Outbox();
    const { post, statuses } = posting(outbox);
    let channel = new Channel();
    outbox.open(channel.transport);
    const posted = ['poison'];
    post('poison', { deadlineMs: Infinity });
    for (let ms = 0; ms < 10_000; ms += 200) {
      const key = `after ${ms}`;
      posted.push(key);
      post(key, { deadlineMs: Infinity });
      while (channel.sent.length > 0) {
        if (channel.sent.shift() === 'poison') {
          outbox.lost();
          channel = new Channel();
          outbox.open(channel.transport);
        } else channel.answers.shift()?.({ type: 'confirmed' });
      }
      vi.advanceTimersByTime(200);
    }
    expect(statuses()).toEqual(
      Object.fromEntries(posted.map(key => [key, key === 'poison' ? 'refused' : 'confirmed'])),
    );
  });

  it('finds the poisonous message by sending the suspects one by one if the error names no exchange', () => {
    const outbox = new Outbox();
    const { post, statuses } = posting(outbox);
    let channel = new Channel();
    outbox.open(channel.transport);
    const keys = ['a', 'b', 'too large', 'd'];
    keys.forEach(key => post(key));
    const tooLarge = new PulseError('mismatch', 'message size 9 larger than max size 8');
    outbox.lost(tooLarge);
    post('later');
    const sent: string[] = [];
    for (let step = 0; step < 20 && Object.keys(statuses()).length < 5; step++) {
      channel = new Channel();
      outbox.open(channel.transport);
      while (channel.sent.length > 0) {
        expect(outbox.gauge.unconfirmed).toBe(1);
        const key = channel.sent.shift() ?? '';
        sent.push(key);
        if (key === 'too large') outbox.lost(tooLarge);
        else channel.answers.shift()?.({ type: 'confirmed' });
      }
    }
    expect(sent).toEqual(['a', 'b', 'too large', 'd', 'later']);
    expect(statuses()).toEqual({
      ...{ a: 'confirmed', b: 'confirmed', d: 'confirmed', later: 'confirmed' },
      'too large': 'refused',
    });
  });

  describe('when connections end while messages are in flight', () => {
    const cut = new PulseError('connection', 'cut');
    beforeEach(() => {
      vi.useFakeTimers();
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    /** A broker that confirms each message but one, whose arrival ends the connection. Returns how many were lost. */
    const until = (done: () => boolean, outbox: Outbox, isPoison: (key: string) => boolean) => {
      const arrived: string[] = [];
      let losses = 0;
      for (let step = 0; step < 10_000 && !done(); step++) {
        const channel = new Channel();
        outbox.open(channel.transport);
        for (;;) {
          const key = channel.sent.shift();
          const answer = channel.answers.shift();
          if (key === undefined) {
            if (done()) break;
            vi.advanceTimersByTime(100);
            if (channel.sent.length === 0 && ++step > 10_000) throw new Error('nothing is sent any more');
          } else if (isPoison(key)) {
            losses++;
            outbox.lost(cut);
            break;
          } else {
            arrived.push(key);
            answer?.({ type: 'confirmed' });
          }
        }
      }
      return { losses, arrived };
    };

    it.each([0, 1, 700, 1_999])('soon refuses the message that ends them (%i of 2,000)', poisonous => {
      const outbox = new Outbox();
      const { post, results, statuses, settledTwice } = posting(outbox);
      const keys = Array.from({ length: 2_000 }, (_, n) => String(n));
      for (const key of keys) post(key, { deadlineMs: Infinity });
      const { losses, arrived } = until(
        () => Object.keys(results).length === 2_000,
        outbox,
        key => key === String(poisonous),
      );
      expect(losses).toBeLessThanOrEqual(5);
      expect(results[poisonous]).toMatchObject({
        status: 'refused',
        error: {
          kind: 'mismatch',
          message: expect.stringMatching(new RegExp(`ends .* ${poisonous} of exchange/me/things.*: cut`)),
        },
      });
      expect(Object.values(statuses()).filter(status => status !== 'confirmed')).toEqual(['refused']);
      expect(arrived).toEqual(keys.filter(key => key !== String(poisonous)));
      expect(settledTwice).toEqual([]);
      expect(outbox.gauge).toEqual({ waiting: 0, waitingBytes: 0, unconfirmed: 0 });
    });

    it('refuses each of several messages that end them, and no other', () => {
      const outbox = new Outbox();
      const { post, results, statuses } = posting(outbox);
      for (let n = 0; n < 300; n++) post(String(n), { deadlineMs: Infinity });
      const isPoison = (key: string) => ['3', '4', '150', '299'].includes(key);
      until(() => Object.keys(results).length === 300, outbox, isPoison);
      const refused = Object.entries(statuses()).filter(([, status]) => status === 'refused');
      expect(refused.map(([key]) => key)).toEqual(['3', '4', '150', '299']);
    });

    it('refuses nothing because of losses during which a message was not alone, however many there are', () => {
      const outbox = new Outbox();
      const { post, statuses } = posting(outbox);
      for (let loss = 0; loss < 20; loss++) {
        post(String(loss), { deadlineMs: Infinity });
        const channel = new Channel();
        outbox.open(channel.transport);
        channel.confirm(0);
        outbox.lost(cut);
      }
      until(
        () => Object.keys(statuses()).length === 20,
        outbox,
        () => false,
      );
      expect(new Set(Object.values(statuses()))).toEqual(new Set(['confirmed']));
    });

    it('refuses nothing while connections end for other reasons within a second', () => {
      const outbox = new Outbox();
      const { post, statuses } = posting(outbox);
      post('a', { deadlineMs: Infinity });
      for (let loss = 0; loss < 20; loss++) {
        outbox.open(new Channel().transport);
        vi.advanceTimersByTime(900);
        outbox.lost(cut);
      }
      expect(statuses()).toEqual({});
      until(
        () => 'a' in statuses(),
        outbox,
        () => false,
      );
      expect(statuses()).toEqual({ a: 'confirmed' });
    });

    it('sends many messages at once again after one loss, and all as soon as those are confirmed', () => {
      const outbox = new Outbox();
      const { post } = posting(outbox);
      outbox.open(new Channel().transport);
      for (let n = 0; n < 1_000; n++) post(String(n));
      outbox.lost(cut);
      for (let n = 1_000; n < 2_000; n++) post(String(n));
      const channel = new Channel();
      outbox.open(channel.transport);
      expect(outbox.gauge.unconfirmed).toBe(64);
      for (let n = 0; n < 1_000; n++) channel.confirm(n);
      expect(outbox.gauge).toMatchObject({ unconfirmed: 1_000, waiting: 0 });
    });

    it('does not wait for slow confirmations: a message that does not end its connection is no suspect', () => {
      const outbox = new Outbox();
      const { post } = posting(outbox);
      for (const key of ['a', 'b', 'c']) post(key, { deadlineMs: Infinity });
      for (let loss = 0; loss < 2; loss++) {
        outbox.open(new Channel().transport);
        outbox.lost(cut);
      }
      const channel = new Channel();
      outbox.open(channel.transport);
      expect(channel.sent).toEqual(['a']);
      vi.advanceTimersByTime(1_000);
      expect(channel.sent).toEqual(['a', 'b']);
      vi.advanceTimersByTime(1_000);
      expect(channel.sent).toEqual(['a', 'b', 'c']);
    });
  });

  it('refuses messages beyond the limits of count and bytes, and says why they wait', () => {
    const outbox = new Outbox({ messages: 3, bytes: 12 }, () => 'the broker cannot be reached');
    const results: PublishResult[] = [];
    const { post, statuses } = posting(outbox);
    ['a', 'b'].forEach(key => post(key));
    post('c', { settle: result => results.push(result) });
    expect(results).toMatchObject([
      { status: 'refused', error: { kind: 'full', message: expect.stringContaining('cannot be reached') } },
    ]);
    post('d', { content: Buffer.from('1') });
    post('e', { content: Buffer.from('') });
    expect(statuses()).toEqual({ e: 'refused' });
    expect(outbox.gauge).toEqual({ waiting: 3, waitingBytes: 11, unconfirmed: 0 });
  });

  it('has no more messages in flight than a channel should hold, and counts the others', () => {
    const outbox = new Outbox();
    const { post } = posting(outbox);
    const channel = new Channel();
    outbox.open(channel.transport);
    for (let n = 0; n < 3_000; n++) post(String(n));
    expect(outbox.gauge).toMatchObject({ unconfirmed: 2_048, waiting: 952 });
    channel.confirm(0, 1);
    expect(outbox.gauge).toMatchObject({ unconfirmed: 2_048, waiting: 950 });
  });

  it('refuses a message that is larger than the limit for waiting messages, and says so', () => {
    const outbox = new Outbox({ bytes: 12 });
    const { post, results, statuses } = posting(outbox);
    outbox.open(new Channel().transport);
    post('large', { content: Buffer.alloc(13) });
    expect(results.large).toMatchObject({
      status: 'refused',
      error: { kind: 'invalid', message: expect.stringMatching('13 bytes.*publishBounds.bytes allows 12') },
    });
    post('fits', { content: Buffer.alloc(12) });
    expect(statuses()).toEqual({ large: 'refused' });
  });

  it.each([{ messages: NaN }, { messages: 0 }, { bytes: NaN }, { bytes: -1 }])(
    'refuses limits that would fit no message: %o',
    bounds => {
      expect(() => new Outbox(bounds)).toThrow(expect.objectContaining({ kind: 'invalid' }));
    },
  );

  it('has no more bytes in flight than the limit for waiting messages, but at least one message', () => {
    const outbox = new Outbox({ bytes: 12 });
    const { post } = posting(outbox);
    const channel = new Channel();
    outbox.open(channel.transport);
    ['a', 'b', 'c'].forEach(key => post(key));
    expect(channel.sent).toEqual(['a', 'b']);
    post('full', { content: Buffer.alloc(7) });
    channel.confirm(0);
    expect(channel.sent).toEqual(['a', 'b', 'c']);
    channel.confirm(1, 2);
    expect(channel.sent).toEqual(['a', 'b', 'c', 'full']);
  });

  it('counts a sent message until the broker has answered, even if its deadline has passed', async () => {
    const outbox = new Outbox({ bytes: 12 });
    const { post, statuses } = posting(outbox);
    const channel = new Channel();
    outbox.open(channel.transport);
    ['a', 'b'].forEach(key => post(key, { deadlineMs: 20 }));
    post('c');
    await expect.poll(statuses).toEqual({ a: 'expired', b: 'expired' });
    expect(channel.sent).toEqual(['a', 'b']);
    expect(outbox.gauge).toEqual({ waiting: 1, waitingBytes: 5, unconfirmed: 2 });
    channel.confirm(0);
    expect(channel.sent).toEqual(['a', 'b', 'c']);
    channel.confirm(2);
    await outbox.idle();
    expect(statuses()).toEqual({ a: 'expired', b: 'expired', c: 'confirmed' });
    expect(outbox.gauge).toMatchObject({ unconfirmed: 1 });
    post('d');
    outbox.lost();
    const second = new Channel();
    outbox.open(second.transport);
    expect(second.sent).toEqual(['d']);
  });

  it('sends nothing while the broker accepts nothing', () => {
    const outbox = new Outbox();
    const { post } = posting(outbox);
    const channel = new Channel();
    outbox.hold(true);
    outbox.open(channel.transport);
    ['a', 'b'].forEach(key => post(key));
    expect([channel.sent, outbox.gauge.waiting]).toEqual([[], 2]);
    outbox.hold(false);
    post('c');
    expect(channel.sent).toEqual(['a', 'b', 'c']);
    outbox.hold(true);
    post('d');
    channel.confirm(0);
    expect(channel.sent).toEqual(['a', 'b', 'c']);
  });

  it('settles exactly the messages whose deadline has passed, wherever they are', async () => {
    const outbox = new Outbox();
    const { post, statuses } = posting(outbox);
    const channel = new Channel();
    outbox.open(channel.transport);
    post('sent', { deadlineMs: 40 });
    post('patient');
    post('for ever', { deadlineMs: Infinity });
    outbox.lost();
    post('waiting', { deadlineMs: 20 });
    await expect.poll(statuses).toEqual({ sent: 'expired', waiting: 'expired' });
    outbox.end(new PulseError('closed', 'closed'));
    expect(statuses()).toMatchObject({ patient: 'expired', 'for ever': 'expired' });
    post('after the end');
    expect(statuses()).toMatchObject({ 'after the end': 'refused' });
    await outbox.idle();
  });

  it('continues if one message does not fit, and waits if the channel turns out to be closed', async () => {
    const outbox = new Outbox();
    const { post, statuses } = posting(outbox);
    const channel = new Channel();
    outbox.open(channel.transport);
    ['a', 'invalid', 'b'].forEach(key => post(key));
    expect(channel.sent).toEqual(['a', 'b']);
    expect(statuses()).toEqual({ invalid: 'refused' });
    channel.broken = true;
    ['c', 'd'].forEach(key => post(key));
    outbox.lost(new PulseError('connection', 'cut'));
    const second = new Channel();
    outbox.open(second.transport);
    expect(second.sent).toEqual(['a', 'b', 'c', 'd']);
    let idle = false;
    void outbox.idle().then(() => (idle = true));
    second.confirm(0, 1, 2);
    await sleep(0);
    expect(idle).toBe(false);
    second.confirm(3);
    await sleep(0);
    expect(idle).toBe(true);
  });

  it('settles each message exactly once, whatever happens, and first copies keep their order', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant('post' as const) },
      { weight: 4, arbitrary: fc.constant('confirm' as const) },
      { weight: 2, arbitrary: fc.constant('lose' as const) },
      fc.constant('refuse' as const),
      { weight: 2, arbitrary: fc.constant('open' as const) },
      fc.constant('hold' as const),
      fc.constant('release' as const),
    );
    // What was lost alone twice waits for a quiet second.
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const outbox = new Outbox();
        const { post, statuses, settledTwice } = posting(outbox);
        let channel: Channel | undefined;
        let posted = 0;
        const arrived: number[] = [];
        const open = () => {
          if (channel) return;
          channel = new Channel();
          outbox.open(channel.transport);
        };
        const confirm = () => {
          const key = channel?.sent.shift();
          if (key !== undefined) arrived.push(Number(key));
          channel?.answers.shift()?.({ type: 'confirmed' });
        };
        for (const now of steps) {
          if (now === 'post') post(String(posted++), { deadlineMs: Infinity });
          if (now === 'open') open();
          if (now === 'confirm') confirm();
          if (now === 'hold' || now === 'release') outbox.hold(now === 'hold');
          if (now === 'lose' || now === 'refuse') {
            channel = undefined;
            const error = new PulseError(now === 'lose' ? 'connection' : 'mismatch', 'over');
            outbox.lost(error);
          }
        }
        outbox.hold(false);
        for (let n = 0; n < posted * 2; n++) {
          open();
          confirm();
          vi.advanceTimersByTime(1_000);
        }
        expect(Object.keys(statuses())).toHaveLength(posted);
        expect(settledTwice).toEqual([]);
        expect(arrived).toEqual([...arrived].sort((a, b) => a - b));
        expect(outbox.gauge).toEqual({ waiting: 0, waitingBytes: 0, unconfirmed: 0 });
        outbox.end(new PulseError('closed', 'over'));
      }),
    );
  });
});
