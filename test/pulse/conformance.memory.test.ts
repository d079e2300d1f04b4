import { Secret } from '../../src/pulse/index.ts';
import { connectToMemory, MemoryBroker, memoryTransport } from '../../src/pulse/testing.ts';
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
    connect: options => connectToMemory(broker, 'tester', { password: 'right', ...options }),
    cutConnections: () => broker.dropConnections(),
    freeze: () => {
      broker.freeze();
    },
    thaw: () => {
      broker.thaw();
    },
    deleteQueue: async name => {
      broker.deleteQueue(name);
    },
    close: async () => undefined,
  };
});
