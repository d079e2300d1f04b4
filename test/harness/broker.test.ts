import { connect, type Channel, type ChannelModel } from 'amqplib';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { startBroker } from './broker.ts';

const accounts = [
  { role: 'the user of the suite', url: inject('pulseUrl') },
  { role: "the owner of the queue's exchanges", url: inject('queuePulseUrl') },
];

describe.each(accounts)('$role has exactly the permissions of a user of Pulse', ({ url }) => {
  const user = new URL(url).username;
  const suffix = `harness-${process.pid}-${Date.now()}`;
  const queue = `queue/${user}/${suffix}`;
  const exchange = `exchange/${user}/${suffix}`;
  let connection: ChannelModel;
  let channel: Channel;

  beforeEach(async () => {
    connection = await connect(url);
    channel = await connection.createChannel();
    // A refusal rejects the call and also closes the channel. Without a listener, the latter would end the process.
    channel.on('error', () => undefined);
  });
  afterEach(() => connection.close());

  it('may declare, bind, publish to and consume from its own names', async () => {
    await channel.assertExchange(exchange, 'topic', { durable: true, autoDelete: true });
    await channel.assertQueue(queue, { exclusive: true });
    await channel.bindQueue(queue, exchange, 'a.#');
    channel.publish(exchange, 'a.b', Buffer.from('hello'));
    const content = await new Promise<string>((resolve, reject) => {
      channel.consume(queue, message => resolve(String(message?.content)), { noAck: true }).catch(reject);
    });
    expect(content).toBe('hello');
  });

  it('may not let the broker name its queues', async () => {
    await expect(channel.assertQueue('', { exclusive: true })).rejects.toMatchObject({ code: 403 });
  });

  it("may not declare or delete somebody else's exchange or queue", async () => {
    const foreign = [
      (own: Channel) => own.assertExchange('exchange/somebody/else', 'topic', { durable: true }),
      (own: Channel) => own.assertExchange('not-in-the-scheme', 'topic', { durable: true }),
      (own: Channel) => own.assertQueue('queue/somebody/else', { durable: true }),
      (own: Channel) => own.assertQueue(`queue/${user}x/else`, { durable: true }),
      (own: Channel) => own.deleteExchange('exchange/somebody/else'),
    ];
    for (const attempt of foreign) {
      const own = await connection.createChannel();
      own.on('error', () => undefined);
      await expect(attempt(own)).rejects.toMatchObject({ code: 403 });
    }
  });

  it("may not publish to the default exchange or to somebody else's", async () => {
    for (const target of ['', 'amq.topic']) {
      const own = await connection.createChannel();
      const refused = once(own, 'error');
      own.publish(target, 'key', Buffer.from('{}'));
      expect(await refused).toMatchObject([{ code: 403 }]);
    }
  });

  it('is refused with a wrong password', async () => {
    const wrong = new URL(url);
    wrong.password = 'wrong';
    await expect(connect(wrong.href)).rejects.toThrow('403');
  });
});

it("the user of the suite may bind the queue's exchanges, but not publish to them", async () => {
  const [owner, suite] = await Promise.all(
    [inject('queuePulseUrl'), inject('pulseUrl')].map(url => connect(url)),
  );
  if (owner === undefined || suite === undefined) throw new Error('two connections were made');
  const name = `harness-${process.pid}-${Date.now()}`;
  const exchange = `exchange/${new URL(inject('queuePulseUrl')).username}/${name}`;
  const queue = `queue/${new URL(inject('pulseUrl')).username}/${name}`;
  try {
    const publisher = await owner.createConfirmChannel();
    await publisher.assertExchange(exchange, 'topic', { durable: true, autoDelete: true });
    const consumer = await suite.createChannel();
    await consumer.assertQueue(queue, { exclusive: true });
    await consumer.bindQueue(queue, exchange, '#');
    publisher.publish(exchange, 'primary.x', Buffer.from('{}'));
    await publisher.waitForConfirms();
    expect(await consumer.checkQueue(queue)).toMatchObject({ messageCount: 1 });

    const refused = once(consumer, 'error');
    consumer.publish(exchange, 'primary.x', Buffer.from('{}'));
    expect(await refused).toMatchObject([{ code: 403 }]);
  } finally {
    await Promise.all([owner.close(), suite.close()]);
  }
});

describe('a broker named by the environment', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('is used as it is, and left running', async () => {
    vi.stubEnv('TCW_TEST_PULSE_URL', inject('pulseUrl'));
    vi.stubEnv('TCW_TEST_QUEUE_PULSE_URL', inject('queuePulseUrl'));
    const broker = await startBroker();
    expect(broker).toMatchObject({ kind: 'given', pulseUrl: inject('pulseUrl'), control: undefined });
    await broker.stop();
    await (await connect(inject('pulseUrl'))).close();
  });

  it('needs the URL of the second user', async () => {
    vi.stubEnv('TCW_TEST_PULSE_URL', inject('pulseUrl'));
    vi.stubEnv('TCW_TEST_QUEUE_PULSE_URL', undefined);
    await expect(startBroker()).rejects.toThrow(/TCW_TEST_QUEUE_PULSE_URL is not/);
  });
});
