import { matchesPattern } from './routing-key.ts';
import type { Binding } from './binding.ts';
import type { Delivery } from './transport.ts';

/** A body that could be read, or every reason why not. */
export type Decoded =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly problems: readonly string[] };

// Without `fatal`, broken UTF-8 would become replacement characters and pass for text.
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads a message's body as UTF-8 JSON and shows it to the binding that asked for the message. Never throws. */
export function decode(delivery: Delivery, bindings: readonly Binding[]): Decoded {
  let body: unknown;
  try {
    body = JSON.parse(utf8.decode(delivery.content));
  } catch (error) {
    return { ok: false, problems: [`the body is not UTF-8 JSON: ${String(error)}`] };
  }
  try {
    const problems = bindingOf(delivery, bindings)?.problems?.(body) ?? [];
    return problems.length === 0 ? { ok: true, body } : { ok: false, problems };
  } catch (error) {
    return { ok: false, problems: [`looking at the body failed: ${String(error)}`] };
  }
}

/** The binding that a message came by: one of its routing keys, primary or CC, fits the pattern. */
function bindingOf(delivery: Delivery, bindings: readonly Binding[]): Binding | undefined {
  const cc = Array.isArray(delivery.headers.CC) ? (delivery.headers.CC as unknown[]) : [];
  const keys = [delivery.routingKey, ...cc.filter(key => typeof key === 'string')];
  return bindings.find(
    ({ exchange, pattern }) =>
      exchange === delivery.exchange && keys.some(key => matchesPattern(pattern, key)),
  );
}
