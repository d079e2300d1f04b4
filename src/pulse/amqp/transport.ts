import { connect, type ChannelModel } from 'amqplib';
import { BehaviorSubject } from 'rxjs';
import { PulseError } from '../errors.ts';
import type { Endpoint } from '../credentials.ts';
import type { Login, Transport, TransportConnection } from '../transport.ts';
import { amqpChannel } from './channel.ts';
import { channelError, connectError, connectionError } from './errors.ts';

export interface AmqpOptions {
  /** Seconds between heartbeats; a silent network is noticed after two. Never 0: that turns them off. */
  readonly heartbeatSecs?: number;
  /** How long a connect may take, in ms, until it counts as failed. */
  readonly connectTimeoutMs?: number;
}

/** RabbitMQ, by amqplib. Its own recovery stays off: it retries a wrong password for ever. */
export function amqpTransport(
  { tls, hostname, port, vhost }: Omit<Endpoint, 'user' | 'password'>,
  { heartbeatSecs = 15, connectTimeoutMs = 15_000 }: AmqpOptions = {},
): Transport {
  const where = `the broker at ${hostname}:${port}${vhost === '/' ? '' : `, vhost ${vhost},`}`;
  return {
    async connect({ user, password, connectionName }: Login) {
      const options = {
        protocol: tls ? 'amqps' : 'amqp',
        hostname,
        port,
        vhost: encodeURIComponent(vhost),
        username: user,
        password: password.reveal(),
        heartbeat: heartbeatSecs,
      };
      const socket = {
        timeout: connectTimeoutMs,
        noDelay: true,
        clientProperties: { connection_name: connectionName },
      };
      const model = await connect(options, socket).catch((error: unknown) => {
        throw connectError(error, where);
      });
      return amqpConnection(model);
    },
  };
}

function amqpConnection(model: ChannelModel): TransportConnection {
  const blocked$ = new BehaviorSubject<string | undefined>(undefined);
  model.on('blocked', reason => {
    blocked$.next(reason);
  });
  model.on('unblocked', () => {
    blocked$.next(undefined);
  });
  // amqplib emits `error` for all but an operator's close, and `close` after each of them.
  const closed = new Promise<PulseError>(resolve => {
    model.on('error', error => {
      resolve(connectionError(error));
    });
    model.on('close', error => {
      resolve(connectionError(error));
      blocked$.complete();
    });
  });
  return {
    closed,
    blocked$,
    async openChannel({ confirms }) {
      try {
        const channel = await (confirms ? model.createConfirmChannel() : model.createChannel());
        return amqpChannel(channel, closed);
      } catch (error) {
        throw channelError(error);
      }
    },
    close: () => model.close().catch(() => undefined),
  };
}
