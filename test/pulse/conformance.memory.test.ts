import { connect, memoryTransport, MemoryBroker, Secret } from '../../src/pulse/index.ts';
import { conformance } from './conformance.ts';

conformance('the in-memory broker', async () => {
  const broker = new MemoryBroker({ tester: 'right', somebody: 'else' });
  broker.declareExchange('somebody', 'exchange/somebody/theirs');
  return {
    user: 'tester',
    foreignExchange: 'exchange/somebody/theirs',
    connect: ({ password = 'right' } = {}) =>
      connect({
        transport: memoryTransport(broker),
        user: 'tester',
        password: new Secret(password),
        backoff: { baseMs: 5, capMs: 50 },
      }),
    cutConnections: () => broker.dropConnections(),
    close: async () => undefined,
  };
});
