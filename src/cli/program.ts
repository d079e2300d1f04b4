import { Command, CommanderError } from 'commander';
import { configSchema, type WorkerConfig } from '../worker/config/index.ts';
import type { CommandIo } from './commands.ts';
import { addDevOptions, devOptions } from './dev-options.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { helpLayout, RUN_EPILOGUE } from './help.ts';
import { leaveBehind } from './leave-behind.ts';
import { output } from './output.ts';
import { addAllProperties, givenFlags } from './property-options.ts';
import { addPulse } from './pulse/add-pulse.ts';
import { usageFailure } from './usage.ts';
import { version } from './version.ts';

/** How many bytes of the logs of tasks may wait for a reader of `tcw dev`. */
const MOST_WAITING = 64 * 1024 * 1024;

/**
 * Runs what a command line asks for and returns the exit code. What a command needs is loaded when it is called.
 *
 * @throws Failure for a command line or a configuration that can not be used
 */
export async function runProgram(argv: readonly string[]): Promise<number> {
  let exitCode: number = EXIT_CODES.tasksComplete.code;
  const done = (code: number) => {
    exitCode = code;
  };
  const program = new Command('tcw')
    .description('A Taskcluster worker that lives on events.')
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    // An option of `run` may have a value that looks like one of ours.
    .enablePositionalOptions()
    .configureHelp(helpLayout)
    .configureOutput({ outputError: () => undefined });
  addRun(program, done);
  addDev(program, done);
  addPulse(program, done);
  addSchemas(program);
  for (const command of withSubcommands(program)) {
    command.exitOverride(error => {
      throw error.exitCode === 0 || error.code === 'commander.help' ? error : usageFailure(command, error);
    });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version have been printed; help that nobody asked for is the answer to a missing command.
    return error.exitCode === 0 ? exitCode : EXIT_CODES.cannotLoadConfig.code;
  }
  return exitCode;
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

function addRun(program: Command, done: (exitCode: number) => void): void {
  const command = program
    .command('run')
    .summary('work for a Taskcluster deployment')
    .description('Claims and runs tasks of one worker pool until it is told to stop.')
    .option('--config <file>', 'configuration file, JSON or YAML')
    // Words that are no option count among the problems of the configuration.
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', RUN_EPILOGUE);
  addAllProperties(command);
  command.action(async () => {
    const { readConfig } = await import('./config/read.ts');
    const { config, warnings } = await readConfig({
      ...givenFlags(command),
      file: command.getOptionValue('config') as string | undefined,
      environment: process.env,
      workingDirectory: process.cwd(),
    });
    await withIo(config.logLevel, async io => {
      io.secrets.addAllOf(config);
      for (const { message, ...fields } of warnings) io.logger.warn(fields, message);
      const { run } = await import('./run.ts');
      done(await run(config, io));
    });
  });
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
    await withIo(options.worker.logLevel ?? 'info', async io => {
      const { dev } = await import('./dev.ts');
      done(await dev(options, io));
    });
  });
}

function addSchemas(program: Command): void {
  program
    .command('show-payload-schema')
    .summary('print the JSON schema of task payloads')
    .description('Prints the JSON schema of task payloads.')
    .action(async () => {
      const { payloadSchema } = await import('./payload-schema.ts');
      await print(payloadSchema());
    });
  program
    .command('show-config-schema')
    .summary('print the JSON schema of the configuration')
    .description('Prints the JSON schema of the configuration of tcw run.')
    .action(() => print(configSchema()));
}

/** @throws Failure when it cannot be written. Whoever closes a pipe has seen enough. */
async function print(schema: unknown): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  process.stdout.write(
    `${JSON.stringify(schema, undefined, 2)}\n`,
    (error?: NodeJS.ErrnoException | null) => {
      if (!error || error.code === 'EPIPE') resolve(undefined);
      else reject(new Failure(EXIT_CODES.internalError.code, `could not write the schema: ${error.message}`));
    },
  );
  return promise;
}

/** Gives a command its log for as long as it runs. */
async function withIo(
  level: WorkerConfig['logLevel'],
  command: (io: CommandIo) => Promise<void>,
): Promise<void> {
  const { createLogger } = await import('./logger.ts');
  const { LiveSecrets } = await import('../worker/index.ts');
  const { secretVariables } = await import('./secret-variables.ts');
  const secrets = new LiveSecrets();
  secrets.add(...secretVariables(process.env));
  const { stdout, stderr } = process;
  const format = !stderr.isTTY ? 'json' : stderr.hasColors() ? 'coloured' : 'plain';
  const logger = await createLogger({ level, stream: stderr, format, secrets });
  const results = output(stdout, {
    mostWaiting: MOST_WAITING,
    gap: lost => `[tcw] ${lost} pieces of output were lost: they could not be written, or nobody read them\n`,
  });
  try {
    await command({ stdout: results, logger, secrets });
  } finally {
    await Promise.all([results.flush(), logger.flush()]);
    leaveBehind();
  }
}
