import { connect, memoryTransport, MemoryBroker, Secret } from '../../src/pulse/index.ts';
import { conformance } from './conformance.ts';

conformance('the in-memory broker', async () => {
  const broker = new MemoryBroker({ tester: 'right', somebody: 'else' });
  broker.declareExchange('somebody', 'exchange/somebody/theirs');
  const transport = memoryTransport(broker);
  return {
    user: 'tester',
    foreignExchange: 'exchange/somebody/theirs',
    transport,
    login: { user: 'tester', password: new Secret('right'), connectionName: 'transport conformance' },
    connect: ({ password = 'right' } = {}) =>
      connect({
        transport,
        user: 'tester',
        password: new Secret(password),
        backoff: { baseMs: 5, capMs: 50 },
      }),
    cutConnections: () => broker.dropConnections(),
    deleteQueue: async name => {
      broker.deleteQueue(name);
    },
    close: async () => undefined,
  };
});
