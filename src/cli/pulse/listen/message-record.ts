import type { PulseMessage } from '../../../pulse/index.ts';
import { compact, laidOut, memberText } from '../../documents/json-layout.ts';
import { knownExchange } from '../exchange-names.ts';
import { withoutControls } from '../printable.ts';

/** A message in the form that `listen` prints, `--filter` reads and a command of `--exec` receives. */
export interface MessageRecord {
  readonly exchange: string;
  readonly routingKey: string;
  /** The parts of the routing key by name, for an exchange of Taskcluster. */
  readonly parts?: Readonly<Partial<Record<string, string>>>;
  readonly routes: readonly string[];
  /** The time of its arrival here, in ISO 8601. */
  readonly receivedAt: string;
  readonly redelivered: boolean;
  /** The metadata that mozillapulse wrote beside the body, with `--dialect mozillapulse`. */
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

/** Parses the routing key. A message whose key does not fit its exchange is shown without parts. */
function partsOf(exchange: string, routingKey: string): MessageRecord['parts'] {
  try {
    return knownExchange(exchange)?.parse(routingKey);
  } catch {
    return undefined;
  }
}

/**
 * Formats a record as JSON with the body as it arrived. The body is not converted to JavaScript values, so no number is
 * rounded and no name is dropped.
 *
 * @param indent spaces for each level; one line if undefined
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
