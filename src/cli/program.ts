import { Command, CommanderError, Option } from 'commander';
import { configSchema } from '../worker/config/index.ts';
import { addCompletion } from './completion/add-completion.ts';
import { addDevOptions, devOptions } from './dev/dev-options.ts';
import { EXIT_CODES } from './words/exit-codes.ts';
import { examples } from './words/examples.ts';
import { helpLayout, RUN_EPILOGUE } from './words/help.ts';
import { withoutHelpWords } from './words/help-words.ts';
import { addInstall } from './install/add-install.ts';
import { addKeys } from './keys/add-keys.ts';
import type { PayloadSchemaOptions } from './payload-schema.ts';
import { printResult } from './output/print-result.ts';
import { addAllProperties, givenFlags, PropertyOption } from './config/property-options.ts';
import { addPulse } from './pulse/add-pulse.ts';
import { addShell } from './shell/add-shell.ts';
import { addTask } from './task/add-task.ts';
import { checkOptionValues } from './words/option-values.ts';
import { usageFailure } from './words/usage.ts';
import { version } from './words/version.ts';

/** The payload formats by name. */
const FORMATS = ['generic-worker', 'docker-worker', 'script'] as const;

/**
 * Runs the command on the command line and returns its exit code. Each command loads its dependencies when it is
 * called.
 *
 * @throws Failure for a command line or a configuration that cannot be used
 */
export async function runProgram(argv: readonly string[]): Promise<number> {
  let exitCode: number = EXIT_CODES.tasksComplete.code;
  const program = tcwProgram(code => {
    exitCode = code;
  });
  try {
    await program.parseAsync(withoutHelpWords(program, argv), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help or the version has been printed. Commander also prints help when the command is missing, which is an error.
    return error.exitCode === 0 ? exitCode : EXIT_CODES.cannotLoadConfig.code;
  }
  return exitCode;
}

/**
 * Defines all commands and their options.
 *
 * @param done called with the exit code of the command that has run
 */
export function tcwProgram(done: (exitCode: number) => void): Command {
  const program = new Command('tcw')
    .description('An event-driven Taskcluster worker.')
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    // The value of an option of `run` may look like one of the options here.
    .enablePositionalOptions()
    .configureHelp(helpLayout)
    .configureOutput({ outputError: () => undefined });
  addRun(program, done);
  addDev(program, done);
  addTask(program, done);
  addPulse(program, done);
  addKeys(program);
  addInstall(program);
  addShell(program, done);
  addSchemas(program);
  addCompletion(program);
  for (const command of withSubcommands(program)) {
    checkOptionValues(command, option => option instanceof PropertyOption);
    command.exitOverride(error => {
      throw error.exitCode === 0 || error.code === 'commander.help' ? error : usageFailure(command, error);
    });
  }
  return program;
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

/** The options of `tcw run` that are not properties. */
interface RunOptions {
  readonly config?: string;
  readonly withWorkerRunner?: true;
  readonly workerRunnerProtocolPipe?: string;
  readonly check?: true;
  readonly json?: true;
}

function addRun(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('run')
    .summary('work for a Taskcluster deployment')
    .description('Claims and runs tasks of one worker pool until it is told to stop.')
    .option('-c, --config <file>', 'configuration file, JSON or YAML')
    .option('--check', 'try everything that a start needs, change nothing, and print what works')
    .option('--json', 'print the report of --check as JSON')
    .option('--with-worker-runner', 'talk to worker-runner on standard input and output')
    .addOption(new Option('--worker-runner-protocol-pipe <name>').hideHelp())
    .addOption(configureFor('aws', 'aws'))
    .addOption(configureFor('gcp', 'google'))
    .addOption(configureFor('azure', 'azure'))
    // Unknown words are reported with the problems of the configuration.
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', RUN_EPILOGUE);
  addAllProperties(command);
  command.action(
    async ({ config: file, withWorkerRunner, workerRunnerProtocolPipe, check, json }: RunOptions) => {
      const { runCommand } = await import('./run/run-command.ts');
      const flags = givenFlags(command);
      done(await runCommand({ ...flags, file, withWorkerRunner, workerRunnerProtocolPipe, check, json }));
    },
  );
}

/** A flag of generic-worker 10 that is equivalent to `--provider`. */
function configureFor(flag: string, provider: string): Option {
  return new Option(`--configure-for-${flag}`).hideHelp().implies({ provider });
}

function addDev(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('dev')
    .summary('a queue, a broker and a worker on this machine')
    .description(
      'Runs a Taskcluster queue, a broker and a worker in this process, creates the given tasks and shows their logs.',
    );
  addDevOptions(command);
  command.action(async () => {
    const options = await devOptions(command, process.cwd());
    const { withIo } = await import('./output/with-io.ts');
    await withIo({ level: options.worker.logLevel ?? 'info' }, async io => {
      const { dev } = await import('./dev/dev.ts');
      done(await dev(options, io));
    });
  });
}

function addSchemas(program: Command): void {
  program
    .command('show-payload-schema')
    .summary('print the JSON schema of task payloads')
    .description(
      'Prints the JSON schema of the task payloads that tcw accepts, or that one worker accepts: its engine determines ' +
        'the format, and everything that its pool forbids is omitted.',
    )
    .option('-c, --config <file>', "the worker's configuration file, JSON or YAML")
    .addOption(new Option('--format <format>', 'only payloads of one format').choices(FORMATS))
    .addHelpText(
      'after',
      examples('tcw show-payload-schema --format docker-worker', 'tcw show-payload-schema -c worker.yml'),
    )
    .action(async (options: PayloadSchemaOptions) => {
      const { shownPayloadSchema } = await import('./payload-schema.ts');
      await printResult('the schema', asText(await shownPayloadSchema(options)));
    });
  program
    .command('show-config-schema')
    .summary('print the JSON schema of the configuration')
    .description('Prints the JSON schema of the configuration of tcw run.')
    .addHelpText('after', examples('tcw show-config-schema > worker.schema.json'))
    .action(() => printResult('the schema', asText(configSchema())));
}

function asText(schema: unknown): string {
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
