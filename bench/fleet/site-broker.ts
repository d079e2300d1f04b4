import { connect as connectAmqp } from 'amqplib';
import { execa } from 'execa';
import { queueExchanges } from '../../src/exchanges/index.ts';
import { connect, Secret } from '../../src/pulse/index.ts';
import type { Broker } from '../../test/harness/broker.ts';
import { brokerControl, type BrokerControl } from '../../test/harness/broker-control.ts';
import { findRabbitmqServer, startPrivateRabbitmq } from '../../test/harness/private-rabbitmq.ts';
import { PROVISIONER_ID } from '../setting/queue.ts';

/** A site's RabbitMQ, with its own shovel from the broker that the queue publishes to. */
export interface SiteBroker extends AsyncDisposable {
  /** For the workers of the site. */
  readonly pulseUrl: string;
  readonly control: BrokerControl;
}

/** The most messages that wait while the site is disconnected: below the number at which PulseGuardian warns. */
const MAX_WAITING = 1_500;

/**
 * Starts a site broker. On the other broker it needs only one queue of the user `tcw-test`, who has the permissions of
 * a Pulse user. RabbitMQ's federation needs more: it declares a queue and an exchange there with names that no Pulse
 * user may use.
 */
export async function startSiteBroker(upstream: Pick<Broker, 'pulseUrl'>): Promise<SiteBroker> {
  const server = findRabbitmqServer();
  if (server === undefined)
    throw new Error('the broker of a site is a rabbitmq-server, which is not installed');
  const broker = await startPrivateRabbitmq(server, ['rabbitmq_shovel']);
  try {
    if (broker.control === undefined) throw new Error('the broker cannot be controlled');
    const owner = connect({ url: new Secret(broker.queuePulseUrl), connectionName: 'bench exchanges' });
    for (const { exchange } of Object.values(queueExchanges)) await owner.declareExchange(exchange);
    await owner.close();
    const source = await sourceQueue(upstream.pulseUrl);
    const [program = '', ...words] = broker.control.command;
    // Without a destination, each message goes to the exchange with the same name, with the same routing key.
    const shovel = {
      'src-protocol': 'amqp091',
      'src-uri': upstream.pulseUrl,
      'src-queue': source,
      'src-prefetch-count': 200,
      'dest-protocol': 'amqp091',
      'dest-uri': broker.queuePulseUrl,
      'ack-mode': 'on-confirm',
      'reconnect-delay': 1,
    };
    await execa(program, [...words, 'set_parameter', 'shovel', 'pulse', JSON.stringify(shovel)], {
      env: broker.control.env,
    });
    return {
      pulseUrl: broker.pulseUrl,
      control: brokerControl(broker.control),
      [Symbol.asyncDispose]: () => broker.stop(),
    };
  } catch (error) {
    await broker.stop();
    throw error;
  }
}

/** Declares the queue that the shovel reads, with bindings only for the messages that the site's pools need. */
async function sourceQueue(pulseUrl: string): Promise<string> {
  const connection = await connectAmqp(pulseUrl);
  try {
    const channel = await connection.createChannel();
    const name = 'queue/tcw-test/site/v1';
    await channel.assertQueue(name, { durable: true, maxLength: MAX_WAITING, expires: 6 * 3_600_000 });
    for (const { exchange } of [queueExchanges.taskPending, queueExchanges.taskException])
      await channel.bindQueue(name, exchange, `primary.*.*.*.*.${PROVISIONER_ID}.#`);
    return name;
  } finally {
    await connection.close();
  }
}
