import { connect, PulseError, type Pulse } from '../../src/pulse/index.ts';
import { MemoryBroker, memoryTransport } from '../../src/pulse/testing.ts';

/** A deployment's broker. */
export interface TestBroker {
  /** Connects as the user who owns the queue's exchanges. */
  connectOwner(): Pulse;
  /** Connects as the workers' user, whose connections can be broken. */
  connectWorker(): Pulse;
  /** Breaks every connection. Clients can reconnect immediately. */
  cut(): Promise<void>;
  /** Breaks the workers' connections, and refuses new ones until `find`. */
  lose(): Promise<void>;
  find(): void;
  close(): Promise<void>;
}

/** Short reconnection delays for tests. */
export const SOON = { baseMs: 5, capMs: 50 };

/** A broker in this process. */
export function memoryTestBroker(): TestBroker {
  const broker = new MemoryBroker();
  const transport = memoryTransport(broker);
  let lost = false;
  const losable: typeof transport = {
    connect: (login, signal) =>
      lost
        ? Promise.reject(new PulseError('connection', 'the broker is lost'))
        : transport.connect(login, signal),
  };
  return {
    connectOwner: () => connect({ transport, user: 'taskcluster-queue' }),
    connectWorker: () => connect({ transport: losable, user: 'workers', backoff: SOON }),
    cut: () => broker.dropConnections(),
    lose: () => {
      lost = true;
      return broker.dropConnections();
    },
    find: () => {
      lost = false;
    },
    close: async () => undefined,
  };
}
