import type { PulseError } from '../errors.ts';
import type { Publishing } from './publishing.ts';
import type { Properties } from '../transport/transport.ts';

/**
 * Publishes copies of messages to exchanges of one's own, which it declares at first. Tells whether the broker has a
 * copy, and only when that is known: under an alarm this takes as long as the alarm.
 */
export function republisher(publisher: Publishing) {
  const declared = new Map<string, Promise<void>>();
  /** Bodies of which the broker takes no copy, whatever time passes: some cost it five connections to find out. */
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
    // The copy has to lie in the queue before the first is acknowledged: nobody wanting it is a failure.
    const sure = { ...properties, mandatory: true };
    // Without a deadline: a copy that has expired may arrive all the same, and then another one would be one too many.
    const result = await publisher.sendBytes(exchange, routingKey, content, sure, Infinity);
    if (result.status === 'refused' && isFinal(result.error)) refused.add(content);
    return result.status === 'confirmed';
  };
}

function isFinal({ kind }: PulseError): boolean {
  return kind === 'invalid' || kind === 'mismatch';
}
