import { connect, PulseError, type Pulse } from '../../src/pulse/index.ts';
import { MemoryBroker, memoryTransport } from '../../src/pulse/testing.ts';

/** The broker of a deployment. */
export interface TestBroker {
  /** As the user who owns the exchanges of the queue. */
  connectOwner(): Pulse;
  /** As the user of workers, whose connections can be broken. */
  connectWorker(): Pulse;
  /** Every connection is lost, and may come back at once. */
  cut(): Promise<void>;
  /** Workers lose their connections, and can make no other until it is found again. */
  lose(): Promise<void>;
  find(): void;
  close(): Promise<void>;
}

/** Tests do not wait long for a connection to come back. */
export const SOON = { baseMs: 5, capMs: 50 };

/** A broker inside this process. */
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
