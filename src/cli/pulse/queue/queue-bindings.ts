import { endpointFrom, managementBindings } from '../../../pulse/index.ts';
import { checked, pulseFailure, usageError } from '../failure.ts';
import { printable } from '../printable.ts';
import { fullNameOf, type Answer, type QueueWords } from './queue-words.ts';

/**
 * What a queue is bound to, which only a management API can tell. User and password are those of the words, else those of
 * its URL, else those for the broker.
 *
 * @throws Failure 64 without such a URL or a queue, 69 when nothing of use answers, 77 for a refused login
 */
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
  const endpoint = checked(() => endpointFrom({ url: server, user, password }));
  const { username, password: secret } = new URL(url);
  let bindings;
  try {
    bindings = await managementBindings({
      url,
      user: (user ?? '') !== '' || username === '' ? endpoint.user : undefined,
      password: (password ?? '') !== '' || secret === '' ? endpoint.password : undefined,
      vhost: endpoint.vhost,
    })(queue);
  } catch (error) {
    throw pulseFailure(error);
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
