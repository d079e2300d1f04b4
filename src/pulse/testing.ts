/**
 * A broker in memory, for tests of programs that use `tcw/pulse`: the same answers as RabbitMQ's, with Pulse's
 * permissions, and everything that may go wrong at a word.
 *
 * @module tcw/pulse/testing
 */
import { connect } from './connect.ts';
import { MemoryBroker } from './transport/memory/broker.ts';
import { memoryTransport } from './transport/memory/transport.ts';
import type { Pulse, PulseOptions } from './pulse.ts';

export { MemoryBroker } from './transport/memory/broker.ts';
export type { MemoryCall } from './transport/memory/faults.ts';
export { memoryTransport } from './transport/memory/transport.ts';

/**
 * Connects to a broker in memory, with reconnects that take no time worth waiting for.
 *
 * @param user whose `exchange/<user>/…` and `queue/<user>/…` it may use
 */
export function connectToMemory(
  broker = new MemoryBroker(),
  user = 'tester',
  options: Omit<PulseOptions, 'transport' | 'user' | 'url'> = {},
): Pulse {
  return connect({ backoff: { baseMs: 5, capMs: 50 }, ...options, transport: memoryTransport(broker), user });
}
