import { isUtf8 } from 'node:buffer';
import { listed } from '../../base/index.ts';
import type { BindingTable } from '../topology/binding-table.ts';
import type { Binding } from '../topology/binding.ts';
import { problemsOf } from '../body/body-check.ts';
import { unwrap, type PulseMeta } from '../body/dialect.ts';
import { errorText } from '../error-text.ts';
import type { Delivery } from '../transport/transport.ts';

/** A decoded body, or all reasons why it could not be decoded. */
export type Decoded =
  | {
      readonly ok: true;
      readonly body: unknown;
      readonly meta?: PulseMeta | undefined;
      /** The bindings that match the message and accept the body. Undefined if they were not determined. */
      readonly bindings?: readonly Binding[];
    }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Parsed JSON takes up to twenty times its length in memory. 16 MiB is also RabbitMQ 4's default limit for a message.
 */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** Like {@link parse}, but also checks the size of the body and keeps the list of problems short. */
export function decode(delivery: Delivery, table: BindingTable, maxBodyBytes = MAX_BODY_BYTES): Decoded {
  const { byteLength } = delivery.content;
  if (byteLength > maxBodyBytes) {
    return {
      ok: false,
      problems: [`the body has ${byteLength} bytes, and maxBodyBytes allows ${maxBodyBytes}`],
    };
  }
  const decoded = parse(delivery, table);
  return decoded.ok ? decoded : { ok: false, problems: listed(decoded.problems) };
}

/**
 * Reads a message's body as UTF-8 JSON and checks it with the bindings that match the message. Never throws.
 *
 * If several bindings match, it is enough that one accepts the body. If none matches its keys (because of a binding
 * of an earlier version, or of `BCC`), all bindings of its exchange check the body.
 */
function parse(delivery: Delivery, table: BindingTable): Decoded {
  if (delivery.unreadable !== undefined) return { ok: false, problems: [delivery.unreadable] };
  let json: unknown;
  try {
    const { content } = delivery;
    // Conversion to text would turn invalid UTF-8 into replacement characters, which would pass as valid.
    if (!isUtf8(content)) return { ok: false, problems: ['the body is not UTF-8 JSON: it is not UTF-8'] };
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content);
    json = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    return { ok: false, problems: [`the body is not UTF-8 JSON: ${String(error)}`] };
  }
  const onExchange = table.onExchange(delivery);
  const [only] = onExchange;
  if (!only) return { ok: true, body: json, bindings: [] };
  // With a single binding on the exchange, its pattern makes no difference to how the body is read.
  if (onExchange.length === 1) return read(only, json);

  const matching = table.matching(delivery);
  const asked = matching.length > 0 ? matching : onExchange;
  const answers = asked.map(binding => ({ binding, read: read(binding, json) }));
  const accepted = answers.filter(({ read }) => read.ok);
  const [first] = accepted;
  if (first?.read.ok) {
    const alike = accepted.filter(
      ({ binding }) => (binding.dialect ?? 'bare') === (first.binding.dialect ?? 'bare'),
    );
    const bindings = matching.length > 0 ? alike.map(({ binding }) => binding) : [];
    return { ...first.read, bindings };
  }
  return { ok: false, problems: answers.flatMap(({ read }) => (read.ok ? [] : read.problems)) };
}

function read({ dialect = 'bare', problems }: Binding, json: unknown): Decoded {
  const unwrapped = unwrap(dialect, json);
  if (!unwrapped.ok) return { ok: false, problems: [unwrapped.problem] };
  if (!problems) return unwrapped;
  try {
    const found = problemsOf(problems, unwrapped.body);
    return found.length === 0 ? unwrapped : { ok: false, problems: found };
  } catch (error) {
    return { ok: false, problems: [`the body could not be checked: ${errorText(error)}`] };
  }
}
