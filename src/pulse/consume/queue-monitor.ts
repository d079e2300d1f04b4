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

/** The default settings. */
export const WATCH: Watch = { everyMs: 60_000, heldMs: 1_200_000, depth: 1_500 };

/**
 * Regularly checks the messages that a consumer holds and the length of its queue. Warns once before the broker or
 * PulseGuardian acts. Returns a function that stops the checks.
 *
 * @param onDepth receives the queue's length at each check, including held messages, which PulseGuardian also counts
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
    // The start of the oldest message's hold. If it has not changed, this message was already reported.
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
    // A failure ends the channel, and is handled there.
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
  /** Whether the queue can grow to the length at which to warn. */
  readonly mayGrow: boolean;
}
