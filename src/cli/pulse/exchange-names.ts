import { exchanges, type AnyExchange } from '../../exchanges/index.ts';
import { PulseError } from '../../pulse/index.ts';
import { suggestion } from '../words/nearest.ts';
import { usageError } from './failure.ts';

/** An exchange as it was named, and what is known of it when it is one of Taskcluster's. */
export interface NamedExchange {
  readonly name: string;
  readonly known: AnyExchange | undefined;
}

/** `queue.taskPending`: how the catalogue calls an exchange. */
export function shortName({ service, name }: AnyExchange): string {
  return `${service}.${name}`;
}

/** The exchange of Taskcluster that has this full name. */
export function knownExchange(fullName: string): AnyExchange | undefined {
  return BY_FULL_NAME.get(fullName);
}

/**
 * Finds the exchange that a word names: a full name (`exchange/…`, or `amq.…` of a RabbitMQ of one's own), or one of
 * Taskcluster's by a short name: `queue.taskPending`, `taskPending`, `task-pending`, `queue/task-pending`.
 *
 * @throws Failure 64 for any other word, with the nearest short name
 */
export function exchangeNamed(word: string): NamedExchange {
  if (/^(exchange\/|amq\.)/.test(word)) return { name: word, known: knownExchange(word) };
  const known = BY_SHORT_NAME.get(word.toLowerCase());
  if (known) return { name: known.exchange, known };
  throw usageError(
    `no exchange of Taskcluster is called ${word}${suggestion(word, exchanges.flatMap(spellings))} ` +
      '(a full name begins with exchange/; tcw pulse exchanges lists what there is)',
  );
}

/** What may have been meant by a full name, where the broker does not know it. */
export function meantExchange(fullName: string, error: unknown): string {
  if (!(error instanceof PulseError) || error.kind !== 'not-found') return '';
  if (!error.message.includes(fullName) || BY_FULL_NAME.has(fullName)) return '';
  return suggestion(fullName, BY_FULL_NAME.keys());
}

const BY_FULL_NAME = new Map(exchanges.map(exchange => [exchange.exchange, exchange]));

/** No two exchanges share a name. If ever two do, the first of them has it, and the other needs its service's. */
const BY_SHORT_NAME = new Map(
  exchanges
    .flatMap(exchange => spellings(exchange).map(word => [word.toLowerCase(), exchange] as const))
    // Of two entries a Map keeps the last one.
    .reverse(),
);

function spellings(exchange: AnyExchange): string[] {
  const { service, name } = exchange;
  const last = exchange.exchange.split('/').at(-1) ?? name;
  return [shortName(exchange), name, last, `${service}/${last}`, `${service}.${last}`];
}
