import { beforeEach, describe } from 'vitest';
import { connect, type Transport } from '../../src/pulse/index.ts';
import { MemoryBroker, memoryTransport } from '../../src/pulse/testing.ts';
import { trouble, type TroubledBroker } from './trouble.ts';

describe('tcw/pulse over the in-memory broker in trouble', () => {
  let under: TroubledBroker;

  beforeEach(() => {
    const broker = new MemoryBroker({ tester: 'right' });
    let open = 0;
    const inner = memoryTransport(broker);
    const counting: Transport = {
      connect: async (login, signal) => {
        const connection = await inner.connect(login, signal);
        open++;
        void connection.closed.then(() => open--);
        return connection;
      },
    };
    under = {
      user: 'tester',
      password: 'right',
      connect: options =>
        connect({
          user: 'tester',
          password: 'right',
          backoff: { baseMs: 5, capMs: 50 },
          ...options,
          transport: counting,
        }),
      connections: async () => open,
      cutConnections: () => broker.dropConnections(),
      alarm: async raised => {
        if (raised) broker.blockPublishers();
        else broker.unblockPublishers();
      },
      changePassword: password => broker.changePassword('tester', password),
    };
  });

  trouble(() => under);
});
