import { connect, type ChannelModel } from 'amqplib';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { brokerControl, type BrokerControl } from './broker-control.ts';
import { startOwnBroker, type Broker } from './broker.ts';

// When the environment names a broker, this machine may have neither Docker nor RabbitMQ.
describe.skipIf(inject('brokerKind') === 'given')('the operator of a broker', () => {
  let broker: Broker;
  let operator: BrokerControl;

  beforeAll(async () => {
    broker = await startOwnBroker();
    if (broker.control === undefined) throw new Error('a broker of our own can be controlled');
    operator = brokerControl(broker.control);
  });
  afterAll(() => broker.stop());

  it('shows queues, messages and consumers', async () => {
    const connection = await logIn('looker');
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('queue/tcw-test/seen', { exclusive: true });
    await channel.assertExchange('exchange/tcw-test/seen', 'topic', { durable: true, autoDelete: true });
    await channel.bindQueue('queue/tcw-test/seen', 'exchange/tcw-test/seen', '#');
    await channel.prefetch(1);
    const arrived = new Promise(resolve => void channel.consume('queue/tcw-test/seen', resolve));
    for (const text of ['a', 'b']) channel.publish('exchange/tcw-test/seen', 'key', Buffer.from(text));
    await channel.waitForConfirms();
    await arrived;
    // The broker updates its counts shortly after a delivery.
    await expect
      .poll(() => operator.queues(), { interval: 100 })
      .toEqual([{ name: 'queue/tcw-test/seen', messages: 2, messages_unacknowledged: 1, consumers: 1 }]);
    await connection.close();
  });

  it('closes one connection and no others', async () => {
    const [victim, witness] = [await logIn('victim'), await logIn('witness')];
    const closed = closing(victim);
    expect(await operator.closeConnections(({ connectionName }) => connectionName === 'victim')).toBe(1);
    expect(await closed).toMatchObject({ code: 320 });
    await witness.createChannel();
    await witness.close();
  });

  it('deletes a user, which ends its connections, and creates it again', async () => {
    const connection = await logIn('deleted');
    const closed = closing(connection);
    await operator.deleteUser('tcw-test');
    expect(await closed).toMatchObject({ code: 320 });
    await expect(connect(broker.pulseUrl)).rejects.toThrow('403');
    await operator.restoreUsers();
    await (await logIn('again')).close();
  });

  it('blocks publishers with a memory alarm', async () => {
    const connection = await logIn('publisher');
    const channel = await connection.createChannel();
    await channel.assertExchange('exchange/tcw-test/alarm', 'topic', { autoDelete: true });
    const blocked = once(connection, 'blocked');
    const unblocked = once(connection, 'unblocked');
    await operator.memoryAlarm(true);
    channel.publish('exchange/tcw-test/alarm', 'key', Buffer.from('{}'));
    await blocked;
    await operator.memoryAlarm(false);
    await unblocked;
    await connection.close();
  });

  it('closes the port and opens it again, and durable queues still exist', async () => {
    const connection = await logIn('stopped');
    const channel = await connection.createChannel();
    await channel.assertQueue('queue/tcw-test/durable', { durable: true });
    const closed = closing(connection);
    await operator.stop();
    expect(await closed).toMatchObject({ code: 320 });
    await expect(connect(broker.pulseUrl)).rejects.toThrow();
    await operator.start();
    const again = await logIn('started');
    const { queue } = await (await again.createChannel()).checkQueue('queue/tcw-test/durable');
    expect(queue).toBe('queue/tcw-test/durable');
    await again.close();
  });

  /** amqplib does not treat a close by the operator (320) as an error, and reports it only with `close`. */
  async function closing(connection: ChannelModel): Promise<unknown> {
    const [reason] = (await once(connection, 'close')) as [unknown];
    return reason;
  }

  function logIn(name: string): Promise<ChannelModel> {
    return connect(broker.pulseUrl, { clientProperties: { connection_name: name } });
  }
});
