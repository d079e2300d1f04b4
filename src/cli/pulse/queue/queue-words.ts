import { endpointFrom, namedQueue } from '../../../pulse/index.ts';
import type { ConnectionWords } from '../connection.ts';
import { checked, usageError } from '../failure.ts';

/** The options of `tcw pulse queue …`, as its words say them. */
export interface QueueWords extends ConnectionWords {
  readonly json?: true;
  readonly yes?: true;
  readonly management?: string;
}

/** What is printed: a line of words, or JSON. */
export interface Answer {
  readonly words: string;
  readonly json: object;
}

/** A full name as it is, and a short one below the user's `queue/<user>/`. */
export function fullNameOf(word: string, { server, user }: ConnectionWords): string {
  if (word === '') throw usageError('the queue has no name');
  if (word.startsWith('queue/')) return word;
  const { user: namespace } = checked(() => endpointFrom({ url: server, user }));
  return checked(() => namedQueue(word, { maxLength: 1 }).nameFor(namespace));
}
