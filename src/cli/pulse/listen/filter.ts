import jsone from 'json-e';
import { usageError } from '../failure.ts';
import type { MessageRecord } from './message-record.ts';
import { printable } from '../printable.ts';

/** Decides whether a message is accepted. */
export type MessageFilter = (record: MessageRecord) => boolean;

/** An empty record with every name that an expression may use, to try expressions on. */
const NOTHING: Required<MessageRecord> = {
  exchange: '',
  routingKey: '',
  parts: {},
  routes: [],
  receivedAt: '',
  redelivered: false,
  meta: {},
  body: {},
};

/** The error that json-e throws for an unfinished expression. */
const HALF_READ = /^TypeError: .*/;
/** Errors that would occur for every message. */
const FOR_EVERY_MESSAGE = /^(SyntaxError|TypeError|.*unknown context value)/;

/**
 * Makes a filter from a json-e expression such as `body.status.state == 'pending' && parts.workerType == 'linux'`.
 * Without an expression, the filter accepts every message. An expression can use only the names of a {@link
 * MessageRecord} and json-e's own functions. It cannot access the program.
 *
 * A message that lacks a value used by the expression is not accepted.
 *
 * @param onFirstMiss called with the reason the first time that a value is missing
 * @throws Failure 64 for an invalid expression, or one with a name that no message has
 */
export function messageFilter(
  expression: string | undefined,
  onFirstMiss: (reason: string) => void,
): MessageFilter {
  if (expression === undefined) return () => true;
  const template = { $if: expression, then: true, else: false };
  const refused = reasonAgainst(() => jsone(template, { ...NOTHING }));
  if (refused && FOR_EVERY_MESSAGE.test(refused)) {
    throw usageError(
      `--filter is not a usable expression: ${printable(refused.replace(HALF_READ, 'it is incomplete'))}. It can use ` +
        `${Object.keys(NOTHING).join(', ')}, as in body.status.state == 'pending'`,
    );
  }
  let missed = false;
  return record => {
    let wanted = false;
    const reason = reasonAgainst(() => (wanted = jsone(template, { ...NOTHING, ...record }) === true));
    if (reason !== undefined && !missed) {
      missed = true;
      onFirstMiss(printable(reason));
    }
    return wanted;
  };
}

function reasonAgainst(look: () => unknown): string | undefined {
  try {
    look();
    return undefined;
  } catch (error) {
    return String(error);
  }
}
