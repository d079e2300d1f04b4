import { endpointFrom, managementBindings } from '../../pulse/index.ts';
import { PULSE_EXIT_CODES } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { checked, usageError } from './failure.ts';
import { printable } from './printable.ts';
import { fullNameOf, type Answer, type QueueWords } from './queue-words.ts';

/** What a queue is bound to, which only a management API can tell. */
export async function queueBindings(word: string, words: QueueWords): Promise<Answer> {
  const { management: url, server, user, password } = words;
  const queue = fullNameOf(word, words);
  if (url === undefined) {
    throw usageError(
      'AMQP lists no bindings: name the management API of the broker with --management <url> (that of Pulse is open to ' +
        'nobody, but https://pulseguardian.mozilla.org shows the bindings of your queues)',
    );
  }
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url)) {
    throw usageError('--management has to be a URL: http://127.0.0.1:15672');
  }
  const login = checked(() => endpointFrom({ url: server, user, password }));
  let bindings;
  try {
    bindings = await managementBindings({
      url,
      user: login.user,
      password: login.password,
      vhost: login.vhost,
    })(queue);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    const reason = printable(`${(error as Error).message}${cause}`);
    throw new Failure(PULSE_EXIT_CODES.unavailable.code, `the bindings can not be had: ${reason}`);
  }
  // Every queue is bound to the default exchange by its own name.
  const own = bindings.filter(({ exchange }) => exchange !== '');
  return {
    words:
      own.map(({ exchange, pattern }) => printable(`${exchange} ${pattern}`)).join('\n') ||
      `${queue} is bound to nothing`,
    json: { queue, bindings: own },
  };
}
