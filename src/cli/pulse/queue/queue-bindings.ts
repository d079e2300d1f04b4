import { managementBindings } from '../../../pulse/index.ts';
import { pulseFailure, usageError } from '../failure.ts';
import { printable } from '../printable.ts';
import { fullNameOf, loginOf, type Answer, type QueueCommandOptions } from './queue-options.ts';

/**
 * Lists the bindings of a queue through the broker's management API. The login is taken from the command line,
 * otherwise from the URL of the API, otherwise from the broker's login.
 *
 * @throws Failure 64 without the URL of the API or if the queue does not exist, 69 without a usable answer, 77 for a
 *   refused login
 */
export async function queueBindings(word: string, options: QueueCommandOptions): Promise<Answer> {
  const { management: url, user, password } = options;
  const queue = fullNameOf(word, options);
  if (url === undefined) {
    throw usageError(
      "AMQP cannot list bindings: give the URL of the broker's management API with --management <url> (that of Pulse is not " +
        'public, but https://pulseguardian.mozilla.org shows the bindings of your queues)',
    );
  }
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url)) {
    throw usageError('--management must be a URL, such as http://127.0.0.1:15672');
  }
  const endpoint = loginOf(options);
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
  // Every queue is bound to the default exchange by its own name, so that binding is left out.
  const own = bindings.filter(({ exchange }) => exchange !== '');
  return {
    text:
      own.map(({ exchange, pattern }) => printable(`${exchange} ${pattern}`)).join('\n') ||
      `${queue} has no bindings`,
    json: { queue, bindings: own },
  };
}
