import { connect } from 'amqplib';
import { PulseError } from '../../errors.ts';
import type { Endpoint } from '../credentials.ts';
import { inTimerRange } from '../../../base/index.ts';
import type { Login, Transport } from '../transport.ts';
import { amqpConnection } from './connection.ts';
import { connectError } from './errors.ts';

/** How the connections are monitorQueue. */
export interface AmqpOptions {
  /** Seconds between heartbeats, 15 by default; a silent network is noticed within three of them. At least 1. */
  readonly heartbeatSecs?: number;
  /**
   * How long a connect may take, in ms, from the look-up of the name to the open connection: 15,000 by default. At least 1.
   * Asking for `credentials` may take as long before.
   */
  readonly connectTimeoutMs?: number;
}

/** How long the broker may take to answer a call, in ms. Longer than it needs to notice that a network is silent. */
const ANSWER_MS = 60_000;
/** How much may leave in one write: with less, amqplib hands over the rest of a turn piece by piece. */
const WRITE_BYTES = 1024 * 1024;

/**
 * RabbitMQ, by amqplib. Its own recovery stays off: it retries a wrong password for ever.
 *
 * @throws PulseError `invalid` for times below 1, which amqplib takes for "never"
 */
export function amqpTransport(
  { tls, hostname, port, vhost }: Omit<Endpoint, 'user' | 'password'>,
  { heartbeatSecs = 15, connectTimeoutMs = 15_000 }: AmqpOptions = {},
  answerMs = ANSWER_MS,
): Transport {
  atLeastOne({ heartbeatSecs, connectTimeoutMs });
  const where = `the broker at ${hostname}:${port}${vhost === '/' ? '' : `, vhost ${vhost},`}`;
  return {
    async connect({ user, password, connectionName }: Login, signal?: AbortSignal) {
      const options = {
        protocol: tls ? 'amqps' : 'amqp',
        hostname,
        port,
        vhost: encodeURIComponent(vhost),
        username: user,
        password: password.reveal(),
        heartbeat: heartbeatSecs,
      };
      // amqplib keeps its socket to itself, but hands these options to it: the signal destroys it.
      const socket = new AbortController();
      const destroySocket = () => {
        socket.abort();
      };
      const socketOptions = {
        noDelay: true,
        writableHighWaterMark: WRITE_BYTES,
        clientProperties: { connection_name: connectionName },
        signal: socket.signal,
      };
      let late = false;
      const limit = setTimeout(() => {
        late = true;
        destroySocket();
      }, inTimerRange(connectTimeoutMs));
      signal?.addEventListener('abort', destroySocket);
      if (signal?.aborted) destroySocket();
      try {
        return amqpConnection(await connect(options, socketOptions), destroySocket, answerMs, user);
      } catch (error) {
        const why = late ? new Error(`no connection within ${connectTimeoutMs} ms`) : error;
        throw connectError(why, where);
      } finally {
        clearTimeout(limit);
        signal?.removeEventListener('abort', destroySocket);
      }
    },
  };
}

function atLeastOne(times: Readonly<Record<string, number>>): void {
  for (const [name, time] of Object.entries(times)) {
    if (!(time >= 1)) throw new PulseError('invalid', `${name} is ${time}; it has to be at least 1`);
  }
}
