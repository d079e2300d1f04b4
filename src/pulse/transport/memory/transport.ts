import { PulseError } from '../../errors.ts';
import type { Login, Transport, TransportChannel, TransportConnection } from '../transport.ts';
import type { MemoryBroker } from './broker.ts';
import { memoryChannel } from './channel.ts';

/** A transport to a {@link MemoryBroker}. It has the same interface and the same errors as AMQP, but no network. */
export function memoryTransport(broker: MemoryBroker): Transport {
  return {
    async connect({ user, password }: Login) {
      broker.login(user, password.reveal());
      return memoryConnection(broker, user);
    },
  };
}

function memoryConnection(broker: MemoryBroker, user: string): TransportConnection {
  const identity = {};
  const channels = new Set<TransportChannel>();
  const { promise: closed, resolve: end } = Promise.withResolvers<PulseError>();
  let open = true;
  const close = async () => {
    open = false;
    await Promise.all([...channels].map(channel => channel.close()));
    broker.releaseConnection(identity);
    end(new PulseError('connection', 'the connection was closed'));
  };
  broker.onDrop(user, closed, close);
  return {
    closed,
    close,
    blocked$: broker.faults.blocked$,
    async openChannel() {
      if (!open) throw new PulseError('connection', 'the connection is closed');
      const channel = memoryChannel(broker, user, identity);
      channels.add(channel);
      void channel.closed.then(() => channels.delete(channel));
      return channel;
    },
  };
}
