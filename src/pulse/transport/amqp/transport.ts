import { MAX_HEARTBEAT_SECS } from '../broker-url.ts';
import { connect } from 'amqplib';
import { PulseError } from '../../errors.ts';
import type { Endpoint } from '../credentials.ts';
import { inTimerRange } from '../../../base/index.ts';
import type { Login, Transport } from '../transport.ts';
import { amqpConnection } from './connection.ts';
import { connectError } from './errors.ts';

/** Heartbeat and connect timeout of the AMQP connections. */
export interface AmqpOptions {
  /** Seconds between heartbeats. Default: 15. A silent network is detected within three heartbeats. At least 1. */
  readonly heartbeatSecs?: number;
  /**
   * Time limit for a connection attempt, in ms, from the DNS lookup to the open connection. Default: 15,000. At least
   * 1. The same limit applies separately to the `credentials` function.
   */
  readonly connectTimeoutMs?: number;
}

/** Time limit for the broker's answer to a call, in ms. Longer than the detection of a silent network takes. */
const ANSWER_MS = 60_000;
/** The maximum size of one write. With a lower limit, amqplib passes on the rest of a turn piece by piece. */
const WRITE_BYTES = 1024 * 1024;

/**
 * A transport to RabbitMQ through amqplib. amqplib's own recovery stays off, because it retries a wrong password
 * forever.
 *
 * @throws PulseError `invalid` for times below 1, which amqplib interprets as "never"
 */
export function amqpTransport(
  { tls, hostname, port, vhost }: Omit<Endpoint, 'user' | 'password'>,
  { heartbeatSecs = 15, connectTimeoutMs = 15_000 }: AmqpOptions = {},
  answerMs = ANSWER_MS,
): Transport {
  atLeastOne({ heartbeatSecs, connectTimeoutMs });
  if (heartbeatSecs > MAX_HEARTBEAT_SECS) {
    throw new PulseError(
      'invalid',
      `heartbeatSecs is ${heartbeatSecs}; it must be at most ${MAX_HEARTBEAT_SECS}`,
    );
  }
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
      // amqplib does not expose its socket but passes these options to it, so the signal can destroy the socket.
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
    if (!(time >= 1)) throw new PulseError('invalid', `${name} is ${time}; it must be at least 1`);
  }
}
