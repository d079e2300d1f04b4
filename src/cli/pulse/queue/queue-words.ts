import { endpointFrom, namedQueue } from '../../../pulse/index.ts';
import type { ConnectionWords } from '../connection.ts';
import { checked, usageError } from '../failure.ts';

/** The options of `tcw pulse queue …`. */
export interface QueueWords extends ConnectionWords {
  readonly json?: true;
  readonly yes?: true;
  readonly management?: string;
}

/** The answer to print: a line of text, or JSON. */
export interface Answer {
  readonly words: string;
  readonly json: object;
}

/** Returns the login and the vhost for commands that need no broker. They do not depend on the host. */
export function loginOf({ server, user, password }: ConnectionWords) {
  const url = [server, process.env.PULSE_URL].find(Boolean) ?? 'amqp://localhost';
  return checked(() => endpointFrom({ url, user, password }));
}

/** Returns a full name unchanged, and puts a short name below the user's `queue/<user>/`. */
export function fullNameOf(word: string, words: ConnectionWords): string {
  if (word === '') throw usageError('the queue name is empty');
  if (word.startsWith('queue/')) return word;
  const { user: namespace } = loginOf(words);
  return checked(() => namedQueue(word, { maxLength: 1 }).nameFor(namespace));
}
