import { isUtf8 } from 'node:buffer';
import { listed, problemText } from '../../base/index.ts';
import type { BindingTable } from '../topology/binding-table.ts';
import type { Binding } from '../topology/binding.ts';
import { unwrap, type PulseMeta } from '../body/dialect.ts';
import { errorText } from '../error-text.ts';
import type { Delivery } from '../transport/transport.ts';

/** A body that could be read, or every reason why not. */
export type Decoded =
  | {
      readonly ok: true;
      readonly body: unknown;
      readonly meta?: PulseMeta | undefined;
      /** The bindings that asked for the message and took the body; undefined when they were not looked for. */
      readonly bindings?: readonly Binding[];
    }
  | { readonly ok: false; readonly problems: readonly string[] };

/** A body of JSON takes up to twenty times its length in memory. RabbitMQ 4 takes no larger message unless it is told to. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** As {@link parse}, with a list of problems that is short, whoever published the message. */
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
 * Reads a message's body as UTF-8 JSON and shows it to the bindings that asked for the message. Never throws.
 *
 * Where several asked, one that takes it is enough. Where none fits its keys (a binding of an earlier version, or
 * `BCC`), those of its exchange are asked.
 */
function parse(delivery: Delivery, table: BindingTable): Decoded {
  if (delivery.unreadable !== undefined) return { ok: false, problems: [delivery.unreadable] };
  let json: unknown;
  try {
    const { content } = delivery;
    // Turned into text, broken UTF-8 would become replacement characters and pass.
    if (!isUtf8(content)) return { ok: false, problems: ['the body is not UTF-8 JSON: it is not UTF-8'] };
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content);
    json = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    return { ok: false, problems: [`the body is not UTF-8 JSON: ${String(error)}`] };
  }
  const onExchange = table.onExchange(delivery);
  const [only] = onExchange;
  if (!only) return { ok: true, body: json, bindings: [] };
  // The patterns of a single binding make no difference to how a body is read.
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
    const found: unknown = problems(unwrapped.body);
    if (!Array.isArray(found)) throw new TypeError('the check returned no list of problems');
    return found.length === 0
      ? unwrapped
      : { ok: false, problems: Array.from<unknown, string>(found, problemText) };
  } catch (error) {
    return { ok: false, problems: [`looking at the body failed: ${errorText(error)}`] };
  }
}
