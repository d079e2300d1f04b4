import jsone from 'json-e';
import { usageError } from '../failure.ts';
import type { MessageRecord } from './message-record.ts';
import { printable } from '../printable.ts';

/** Whether a message is wanted. */
export type MessageFilter = (record: MessageRecord) => boolean;

/** What an expression may speak of, for an expression to be tried on. */
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

/** What json-e throws where an expression stops too early. */
const HALF_READ = /^TypeError: .*/;
/** What no message can mend. */
const FOR_EVERY_MESSAGE = /^(SyntaxError|TypeError|.*unknown context value)/;

/**
 * A filter from a json-e expression, or one that wants everything: `body.status.state == 'pending' && parts.workerType == 'linux'`. It knows no
 * other names than those of a {@link MessageRecord} and json-e's own functions, and cannot reach the program.
 *
 * A message that has not what the expression speaks of is not wanted.
 *
 * @param onFirstMiss told why, the first time that this happens
 * @throws Failure 64 for what is no expression, or speaks of a name that no message has
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
      `--filter cannot be used: ${printable(refused.replace(HALF_READ, 'it is not complete'))}. It may speak of ` +
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
