import { exchanges, type AnyExchange } from '../../exchanges/index.ts';
import { PulseError } from '../../pulse/index.ts';
import { suggestion } from '../../base/index.ts';
import { usageError } from './failure.ts';

/** The full name of an exchange, and its catalogue entry if it belongs to Taskcluster. */
export interface NamedExchange {
  readonly name: string;
  readonly known: AnyExchange | undefined;
}

/** The name of an exchange in the catalogue, such as `queue.taskPending`. */
export function shortName({ service, name }: AnyExchange): string {
  return `${service}.${name}`;
}

/** Finds the Taskcluster exchange with a full name. */
export function knownExchange(fullName: string): AnyExchange | undefined {
  return BY_FULL_NAME.get(fullName);
}

/**
 * Finds the exchange for a word: a full name (`exchange/…`, or `amq.…` of the user's own RabbitMQ), or the short name
 * of a Taskcluster exchange: `queue.taskPending`, `taskPending`, `task-pending`, `queue/task-pending`.
 *
 * @throws Failure 64 for any other word, with the nearest short name
 */
export function exchangeNamed(word: string): NamedExchange {
  if (/^(exchange\/|amq\.)/.test(word)) return { name: word, known: knownExchange(word) };
  const known = BY_SHORT_NAME.get(word.toLowerCase());
  if (known) return { name: known.exchange, known };
  throw usageError(
    `Taskcluster has no exchange "${word}"${suggestion(word, exchanges.flatMap(spellings))} ` +
      '(a full name begins with exchange/; tcw pulse exchanges lists them all)',
  );
}

/** Suggests an exchange when the broker does not know a full name. */
export function exchangeSuggestion(fullName: string, error: unknown): string {
  if (!(error instanceof PulseError) || error.kind !== 'not-found') return '';
  if (!error.message.includes(fullName) || BY_FULL_NAME.has(fullName)) return '';
  return suggestion(fullName, BY_FULL_NAME.keys());
}

const BY_FULL_NAME = new Map(exchanges.map(exchange => [exchange.exchange, exchange]));

/**
 * Currently, no two exchanges share a name. If two ever do, the short name belongs to the first, and the other needs
 * the name of its service as a prefix.
 */
const BY_SHORT_NAME = new Map(
  exchanges
    .flatMap(exchange => spellings(exchange).map(word => [word.toLowerCase(), exchange] as const))
    // A Map keeps the last of two entries with one key.
    .reverse(),
);

function spellings(exchange: AnyExchange): string[] {
  const { service, name } = exchange;
  const last = exchange.exchange.split('/').at(-1) ?? name;
  return [shortName(exchange), name, last, `${service}/${last}`, `${service}.${last}`];
}
