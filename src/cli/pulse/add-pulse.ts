import { InvalidArgumentError, Option, type Command } from 'commander';
import { PULSE_EXIT_CODES } from '../words/exit-codes.ts';
import { examples } from '../words/examples.ts';
import { exitCodeLines } from '../words/help.ts';
import { RepeatableOption } from '../words/option-values.ts';
import type { ConnectionOptions } from './connection.ts';
import type { ExchangesOptions } from './exchanges.ts';
import type { ListenOptions } from './listen/listen-options.ts';
import type { PublishCommandOptions } from './publish/publish-options.ts';
import type { QueueCommandOptions } from './queue/queue-options.ts';

const EPILOGUE = `
Broker: -s, else PULSE_URL. The word production stands for Mozilla's Pulse.
User and password: -u and -p, else those in the URL, else PULSE_USERNAME and
PULSE_PASSWORD, else guest. Other users of the machine can see a command line:
give the password in the environment.

Exit codes:
${exitCodeLines(PULSE_EXIT_CODES)}`;

/** Adds the `pulse` commands. Each loads its dependencies when it is called. */
export function addPulse(program: Command, done: (exitCode: number) => void): void {
  const pulse = program
    .command('pulse')
    .summary('listen to Mozilla Pulse, publish, manage queues')
    .description('Listens to Mozilla Pulse or another RabbitMQ, publishes, and manages queues.')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', EPILOGUE);
  const { stdout, stderr } = process;

  addListen(pulse).action(
    async (exchange: string | undefined, patterns: string[], options: ListenOptions) => {
      const { listen } = await import('./listen/listen.ts');
      done(await listen(exchange, patterns, options, stdout, stderr));
    },
  );
  addPublish(pulse).action(
    async (exchange: string, key: string, file: string | undefined, options: PublishCommandOptions) => {
      const { publish } = await import('./publish/publish.ts');
      done(await publish(exchange, key, file, options, stdout, stderr));
    },
  );
  addQueue(pulse, async (action, name, options) => {
    const { queueCommand } = await import('./queue/queue.ts');
    done(await queueCommand(action, name, options, stderr));
  });
  pulse
    .command('exchanges')
    .summary("list Taskcluster's exchanges")
    .description("Lists Taskcluster's exchanges with the parts of their routing keys.")
    .argument('[filter]', 'only exchanges with this text in their name, service or routing key')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('tcw pulse exchanges', 'tcw pulse exchanges workerType --json'))
    .action(async (filter: string | undefined, options: ExchangesOptions) => {
      const { listExchanges } = await import('./exchanges.ts');
      done(await listExchanges(filter, options));
    });
}

function addListen(pulse: Command): Command {
  const command = pulse
    .command('listen')
    .summary('print messages, or run a command for each')
    .description('Prints messages as lines of JSON, or runs a command for each, until it is stopped.')
    .argument('[exchange]', 'exchange/<user>/<name>, or one of Taskcluster: queue.taskPending')
    .argument('[pattern...]', 'of routing keys: * is one word, # any number (the default), or part=value')
    .addOption(
      new RepeatableOption('--bind <exchange pattern>', 'another exchange with its pattern, in quotes'),
    )
    .option('--filter <expression>', 'only messages for which this json-e expression is true')
    .option('--count <n>', 'stop after this many messages', whole)
    .option('--timeout <seconds>', 'stop after this time', positive)
    .option('--pretty', 'print each message on several lines')
    .option('--quiet', 'print no progress, and no lines about the start and the end')
    .addOption(dialect('auto'))
    .option('--exec <command>', 'run this command for each message, with the message on its standard input')
    .option('--concurrency <n>', 'how many commands may run at a time (default: 1)', whole)
    .option('--attempts <n>', 'how often to try the command for a message (default: 20)', whole)
    .option('--queue <name>', 'listen on the durable queue queue/<user>/<name>, which is kept')
    .option(
      '--max-length <n>',
      'with --queue: keep only this many messages, the newest (default: 1000)',
      whole,
    )
    .option('--expires <seconds>', 'with --queue: delete it after this time without a listener', positive)
    .option('--quorum', 'with --queue: replicate it, and count deliveries')
    .option('--dead-letters', 'with --queue: keep messages that were given up in <name>/dead')
    .addHelpText(
      'after',
      examples(
        'tcw pulse listen queue.taskPending workerType=linux --pretty',
        "tcw pulse listen queue.taskFailed --filter 'body.runId > 0' --count 5",
        "tcw pulse listen queue.taskCompleted --queue done --exec './done.sh'",
      ),
    );
  return withConnection(command);
}

function addPublish(pulse: Command): Command {
  const command = pulse
    .command('publish')
    .summary('publish messages')
    .description('Publishes a message, or one for each line, and waits until the broker has confirmed it.')
    .argument('<exchange>', 'exchange/<user>/<name>, one of your own')
    .argument('<key>', 'routing key')
    .argument('[file]', 'the body as JSON; by default, and for -, standard input')
    .option('--body <json>', 'the body as JSON, instead of a file')
    .option('--lines', 'each line of the file is the body of a message')
    .option('--declare', 'declare the exchange first')
    .addOption(new RepeatableOption('--cc <key>', 'another routing key, as route.<route>'))
    .addOption(new RepeatableOption('--header <name=value>', 'a header'))
    .option('--message-id <id>', 'an ID by which consumers recognise a repeated message')
    .option('--mandatory', 'fail for a message that reaches no queue')
    .option('--deadline <seconds>', 'how long to wait for the confirmation (default: 30)', positive)
    .option('--schema <file>', 'JSON schema that each body must match')
    .addOption(dialect())
    .option('--json', 'print results as lines of JSON')
    .option('--quiet', 'print nothing for confirmed messages')
    .addHelpText(
      'after',
      examples(
        `tcw pulse publish exchange/me/things created.1 --declare --body '{"id":1}'`,
        'tcw pulse publish exchange/me/things created.many bodies.jsonl --lines',
      ),
    );
  return withConnection(command);
}

const EXAMPLE_OPTIONS: Readonly<Partial<Record<QueueAction, string>>> = {
  purge: ' --yes',
  bindings: ' --management http://127.0.0.1:15672',
};

type QueueAction = 'inspect' | 'purge' | 'delete' | 'bindings';

function addQueue(
  pulse: Command,
  act: (action: QueueAction, name: string, options: QueueCommandOptions) => Promise<void>,
): void {
  const queue = pulse
    .command('queue')
    .summary('inspect, purge or delete a queue')
    .description('Inspects, purges or deletes a durable queue.')
    .helpCommand('help [command]', 'print the help of a command');
  const add = (action: QueueAction, summary: string) => {
    const command = queue
      .command(action)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase() ?? ''}${summary.slice(1)}.`)
      .argument('<name>', 'queue/<user>/<name>, or only the name of your own queue')
      .option('--json', 'print JSON')
      .addHelpText('after', examples(`tcw pulse queue ${action} done${EXAMPLE_OPTIONS[action] ?? ''}`))
      .action((name: string, options: QueueCommandOptions) => act(action, name, options));
    return withConnection(command);
  };
  add('inspect', 'count waiting messages and consumers');
  add('purge', 'drop all waiting messages').option('--yes', 'do not ask for confirmation');
  add('delete', 'delete a queue and its messages').option('--yes', 'do not ask for confirmation');
  add('bindings', 'list the bindings of a queue').option(
    '--management <url>',
    "URL of the broker's management API, because AMQP cannot list bindings",
  );
}

/** Adds the connection options, with pulse-go's names. */
function withConnection(command: Command): Command {
  const names: Record<keyof ConnectionOptions, string> = {
    user: '-u, --user <user>',
    password: '-p, --password <password>',
    server: '-s, --server <url>',
  };
  return command
    .option(names.user, 'user name')
    .option(names.password, 'password; better in PULSE_PASSWORD')
    .option(names.server, 'amqp:// or amqps:// URL with the vhost as its path, or production')
    .addHelpText('after', EPILOGUE);
}

function dialect(...more: string[]): Option {
  return new Option('--dialect <name>', 'where the body is inside the JSON')
    .choices(['bare', 'mozillapulse', 'payload', ...more])
    .default('bare');
}

function whole(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number of at least 1');
}

function positive(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= 1e9) return value;
  throw new InvalidArgumentError('It must be a number greater than 0');
}
