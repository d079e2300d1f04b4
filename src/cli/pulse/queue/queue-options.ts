import { endpointFrom, namedQueue } from '../../../pulse/index.ts';
import type { ConnectionOptions } from '../connection.ts';
import { checked, usageError } from '../failure.ts';

/** The options of `tcw pulse queue …`. */
export interface QueueCommandOptions extends ConnectionOptions {
  readonly json?: true;
  readonly yes?: true;
  readonly management?: string;
}

/** The answer to print: a line of text, or JSON. */
export interface Answer {
  readonly text: string;
  readonly json: object;
}

/** Returns the login and the vhost for commands that need no broker. They do not depend on the host. */
export function loginOf({ server, user, password }: ConnectionOptions) {
  const url = [server, process.env.PULSE_URL].find(Boolean) ?? 'amqp://localhost';
  return checked(() => endpointFrom({ url, user, password }));
}

/** Returns a full name unchanged, and puts a short name below the user's `queue/<user>/`. */
export function fullNameOf(word: string, options: ConnectionOptions): string {
  if (word === '') throw usageError('the queue name is empty');
  if (word.startsWith('queue/')) return word;
  const { user: namespace } = loginOf(options);
  return checked(() => namedQueue(word, { maxLength: 1 }).nameFor(namespace));
}
