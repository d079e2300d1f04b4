/**
 * An in-memory broker for the tests of programs that use `tcw/pulse`. It answers like RabbitMQ with Pulse's
 * permissions, and it can inject faults.
 *
 * @module tcw/pulse/testing
 */
import { connect } from './connect.ts';
import { PulseError } from './errors.ts';
import { MemoryBroker } from './transport/memory/broker.ts';
import { memoryTransport } from './transport/memory/transport.ts';
import type { Pulse, PulseOptions } from './pulse.ts';

export { MemoryBroker } from './transport/memory/broker.ts';
export type { MemoryCall } from './transport/memory/faults.ts';
export { memoryTransport } from './transport/memory/transport.ts';

/**
 * Connects to an in-memory broker. Reconnects within 50 ms. Logs nothing unless you pass a `logger`.
 *
 * @param user the owner of `exchange/<user>/…` and `queue/<user>/…`
 */
export function connectToMemory(
  broker = new MemoryBroker(),
  user = 'tester',
  options: Omit<PulseOptions, 'transport' | 'user' | 'url'> = {},
): Pulse {
  if (!(broker instanceof MemoryBroker)) {
    throw new PulseError('invalid', 'connectToMemory needs a MemoryBroker first, or undefined for a new one');
  }
  return connect({
    backoff: { baseMs: 5, capMs: 50 },
    logger: false,
    ...options,
    transport: memoryTransport(broker),
    user,
  });
}
