import {
  PULSE_GUARDIAN,
  CONSUMER_TIMEOUT_MS,
  type HeldLong,
  type QueueLong,
  type Watch,
} from './consume-options.ts';
import type { Consumer } from './consumer.ts';
import { inTimerRange } from '../../base/index.ts';
import type { TransportChannel } from '../transport/transport.ts';

/** Unless it is said otherwise. */
export const WATCH: Watch = { everyMs: 60_000, heldMs: 1_200_000, depth: 1_500 };

/**
 * Looks now and then at what a consumer holds, and how long its queue is, and warns once of what will bring others to
 * act. Returns how to stop.
 *
 * @param onDepth told how long the queue is at each look, what is held included: PulseGuardian counts that too
 */
export function monitorQueue(
  { channel, consumer, queue, mayGrow }: Watched,
  { everyMs, heldMs, depth }: Watch,
  warn: (warning: QueueLong | HeldLong) => void,
  onDepth: (messages: number) => void,
): () => void {
  let warnedOfDepth = false;
  let warnedOfHeldBefore = 0;

  const checkHeld = () => {
    const { oldestMs } = consumer.held;
    // The same message is still the oldest when its age has grown by as much as time has passed.
    const since = performance.now() - oldestMs;
    if (oldestMs < heldMs || since <= warnedOfHeldBefore) return;
    warnedOfHeldBefore = since + 1;
    warn({ type: 'held-long', queue, heldMs: oldestMs, limitMs: CONSUMER_TIMEOUT_MS });
  };
  const checkDepth = async () => {
    const waiting = await channel.checkQueue(queue);
    const messages = waiting.messages + consumer.held.count;
    onDepth(messages);
    if (messages >= depth && !warnedOfDepth) {
      warnedOfDepth = true;
      const { warnsAt: warnedAt, deletesAt: deletedAt } = PULSE_GUARDIAN;
      warn({ type: 'queue-long', queue, messages, warnedAt, deletedAt });
    }
    if (messages < depth / 2) warnedOfDepth = false;
  };
  const looking = setInterval(() => {
    checkHeld();
    // A failure ends the channel, which is heard of there.
    if (mayGrow) checkDepth().catch(() => undefined);
  }, inTimerRange(everyMs)).unref();
  return () => {
    clearInterval(looking);
  };
}

interface Watched {
  readonly channel: TransportChannel;
  readonly consumer: Consumer;
  readonly queue: string;
  /** Whether the queue can hold so many messages that somebody would mind. */
  readonly mayGrow: boolean;
}
