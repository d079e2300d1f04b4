import type { PulseMessage } from '../../../pulse/index.ts';
import { compact, laidOut, memberText } from '../../documents/json-layout.ts';
import { knownExchange } from '../exchange-names.ts';
import { withoutControls } from '../printable.ts';

/** A message as `listen` prints it, as `--filter` sees it, and as a command of `--exec` reads it. */
export interface MessageRecord {
  readonly exchange: string;
  readonly routingKey: string;
  /** The parts of the routing key by name, for an exchange of Taskcluster. */
  readonly parts?: Readonly<Partial<Record<string, string>>>;
  readonly routes: readonly string[];
  /** When it came here, in ISO 8601. */
  readonly receivedAt: string;
  readonly redelivered: boolean;
  /** What mozillapulse wrote beside the body, with `--dialect mozillapulse`. */
  readonly meta?: unknown;
  readonly body: unknown;
}

export function recordOf(message: PulseMessage): MessageRecord {
  const { exchange, routingKey, routes, redelivered, meta, body } = message;
  const parts = partsOf(exchange, routingKey);
  return {
    exchange,
    routingKey,
    ...(parts && { parts }),
    routes,
    receivedAt: new Date().toISOString(),
    redelivered,
    ...(meta && { meta }),
    body,
  };
}

/** A key that does not fit its exchange is shown all the same, without its parts. */
function partsOf(exchange: string, routingKey: string): MessageRecord['parts'] {
  try {
    return knownExchange(exchange)?.parse(routingKey);
  } catch {
    return undefined;
  }
}

/**
 * A record as JSON, with the body as it arrived: no number is rounded and no name dropped, since it never passed through
 * JavaScript's values.
 *
 * @param indent spaces for each level; on one line without it
 */
export function recordJson(record: MessageRecord, { content, body }: PulseMessage, indent?: number): string {
  const text = Buffer.from(content).toString('utf8');
  const isBare = JSON.stringify(JSON.parse(text)) === JSON.stringify(body);
  const arrived: Readonly<Record<string, string | undefined>> = isBare
    ? { body: text }
    : { body: memberText(text, 'payload'), meta: memberText(text, '_meta') };
  const members = Object.entries(record).map(
    ([name, value]) => `${JSON.stringify(name)}:${arrived[name] ?? JSON.stringify(value)}`,
  );
  const json = `{${members.join(',')}}`;
  return withoutControls(indent === undefined ? compact(json) : laidOut(json, indent));
}
