import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { startOwnBroker } from '../../test/harness/broker.ts';
import { brokerControl, type BrokerControl } from '../../test/harness/broker-control.ts';
import { firstMessage, startNode } from '../setting/children.ts';
import type { Job, JobMessage } from './job.ts';
import type { WaitingQueue } from './contenders/contender.ts';
import { pendingMessage } from './messages.ts';

/** The setting of the comparison: one RabbitMQ, and a user with Pulse's permissions. */
export interface PulseSetting {
  readonly url: string;
  /** A topic exchange of that user. */
  readonly exchange: string;
  /** Undefined if the benchmark may not stop the broker. */
  readonly control: BrokerControl | undefined;
  readonly quick: boolean;
  readonly say: (text: string) => void;
  /** Makes a new queue with this many messages. By default, its binding matches every message of the exchange. */
  newQueue(messages: number, pattern?: string): Promise<WaitingQueue>;
  deleteQueue(queue: WaitingQueue): Promise<void>;
  /** Publishes with bare amqplib. */
  publish(routingKey: string, body: object): void;
  /** Starts a library on a job in its own process. */
  readonly start: (job: Job) => StartedJob;
}

export interface StartedJob {
  /** Settles when it listens. */
  readonly listening: Promise<unknown>;
  readonly result: Promise<Exclude<JobMessage, 'listening'>>;
}

const USER = 'tcw-test';
const HOUR_MS = 3_600_000;
const SCRIPT = fileURLToPath(new URL('contender-process.ts', import.meta.url));

export async function withPulseSetting<Result>(
  { quick, say }: Pick<PulseSetting, 'quick' | 'say'>,
  use: (setting: PulseSetting) => Promise<Result>,
): Promise<Result> {
  say('starting a broker');
  const broker = await startOwnBroker();
  let connection: ChannelModel | undefined;
  try {
    // Without `noDelay`, a message that waits here for the network would count as a delay of the library.
    connection = await connect(broker.pulseUrl, { noDelay: true });
    const channel = await connection.createConfirmChannel();
    const exchange = `exchange/${USER}/bench`;
    await channel.assertExchange(exchange, 'topic', { durable: true });
    return await use({
      url: broker.pulseUrl,
      exchange,
      control: broker.control && brokerControl(broker.control),
      quick,
      say,
      newQueue: (messages, pattern) => newQueue(channel, exchange, messages, pattern),
      deleteQueue: async ({ name }) => void (await channel.deleteQueue(name)),
      publish: (routingKey, body) => {
        channel.publish(exchange, routingKey, Buffer.from(JSON.stringify(body)), PROPERTIES);
      },
      start,
    });
  } finally {
    await connection?.close().catch(() => undefined);
    await broker.stop();
  }
}

const PROPERTIES = { persistent: true, contentType: 'application/json', contentEncoding: 'utf-8' };

async function newQueue(
  channel: ConfirmChannel,
  exchange: string,
  messages: number,
  pattern = '#',
): Promise<WaitingQueue> {
  const queue: WaitingQueue = {
    name: `queue/${USER}/bench/${randomBytes(6).toString('hex')}`,
    exchange,
    pattern,
    maxLength: 1_000_000,
    expiresMs: HOUR_MS,
  };
  const { name, maxLength, expiresMs } = queue;
  await channel.assertQueue(name, { durable: true, maxLength, expires: expiresMs });
  await channel.bindQueue(name, exchange, pattern);
  for (let number = 0; number < messages; number++) {
    const content = Buffer.from(JSON.stringify(pendingMessage(number)));
    channel.publish(exchange, `bench.${number}`, content, PROPERTIES);
    if (number % 5_000 === 0) await channel.waitForConfirms();
  }
  await channel.waitForConfirms();
  return queue;
}

function start(job: Job): StartedJob {
  const child = startNode([SCRIPT], { BENCH_JOB: JSON.stringify(job) }, [
    'ignore',
    'inherit',
    'inherit',
    'ipc',
  ]);
  const listening = firstMessage(child, message => (message === 'listening' ? true : undefined));
  const result = firstMessage(child, message =>
    message === 'listening' ? undefined : (message as Exclude<JobMessage, 'listening'>),
  );
  // Not every caller awaits both, and a job may end without listening.
  listening.catch(() => undefined);
  result.catch(() => undefined);
  return { listening, result };
}
