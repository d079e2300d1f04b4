import type { PulseError } from '../errors.ts';
import type { Publishing } from './publishing.ts';
import type { Properties } from '../transport/transport.ts';

/**
 * Publishes copies of messages to exchanges of the user, and declares these exchanges first. Returns whether the broker
 * has a copy. It waits until that is known; during an alarm, this takes as long as the alarm.
 */
export function republisher(publisher: Publishing) {
  const declared = new Map<string, Promise<void>>();
  /** Bodies whose copies the broker will never accept. Finding that out again could cost five connections. */
  const refused = new WeakSet<Uint8Array>();
  return async (exchange: string, routingKey: string, content: Uint8Array, properties: Properties) => {
    if (refused.has(content)) return false;
    let ready = declared.get(exchange);
    if (!ready) {
      ready = publisher.declareExchange(exchange);
      declared.set(exchange, ready);
      ready.catch(() => declared.delete(exchange));
    }
    try {
      await ready;
    } catch {
      return false;
    }
    // The copy must be in the queue before the original is acknowledged, so a copy that matches no queue is a failure.
    const sure = { ...properties, mandatory: true };
    // Without a deadline, because an expired copy may still arrive, and another copy would then be a duplicate.
    const result = await publisher.sendBytes(exchange, routingKey, content, sure, Infinity);
    if (result.status === 'refused' && isFinal(result.error)) refused.add(content);
    return result.status === 'confirmed';
  };
}

function isFinal({ kind }: PulseError): boolean {
  return kind === 'invalid' || kind === 'mismatch';
}
