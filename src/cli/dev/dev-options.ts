import { Option, type Command } from 'commander';
import { PROPERTIES } from '../../worker/config/index.ts';
import { DEV_PROPERTIES, type DevOptions } from '../commands.ts';
import { cannotLoad, ConfigurationError, invalid, type Problem } from '../config/problem.ts';
import { addProperties, givenFlags } from '../config/property-options.ts';

interface OwnOptions {
  readonly port: string;
  readonly once?: true;
  readonly artifacts?: string;
  readonly defaultTask?: string;
  readonly queuePulseUrl?: string;
}

/** Descriptions of properties that differ from those of `tcw run`. */
const DESCRIPTIONS = {
  tasksDir: 'Where the folders of task runs are created (default: a new folder, removed at the end)',
  pulseUrl: 'A real broker, for the worker (default: one in this process)',
};

/** Adds the arguments and options of `tcw dev`. */
export function addDevOptions(command: Command): void {
  command
    .argument('[task...]', 'files with a task definition or a bare payload, to be created as tasks')
    .addOption(
      new Option('--port <port>', 'where the queue listens on 127.0.0.1').default('0', 'any free port'),
    )
    .addOption(new Option('--once', 'exit when the tasks are resolved: 0 if all completed, else 1'))
    .option('--artifacts <folder>', 'with --once: keep the artifacts of the tasks in this folder')
    .option('--default-task <file>', 'the task to create when none is given')
    .addOption(
      new Option(
        '--queue-pulse-url <text>',
        'a real broker, as the user that may publish as Taskcluster; --pulse-url is for the worker',
      ),
    );
  addProperties(command, DEV_PROPERTIES, 'Worker:', DESCRIPTIONS);
}

/**
 * Reads and checks the command line of `tcw dev`.
 *
 * @throws ConfigurationError with every problem
 */
export async function devOptions(command: Command, workingDirectory: string): Promise<DevOptions> {
  const [{ readFlags }, { Secret }] = await Promise.all([
    import('../config/read.ts'),
    import('../../pulse/index.ts'),
  ]);
  const own = command.opts<OwnOptions>();
  const { config, problems } = readFlags({ given: givenFlags(command).given, rest: [] }, workingDirectory);
  const all = [...problems, ...ownProblems(own)];
  if (all.length > 0) throw new ConfigurationError(all);
  return {
    tasks: command.args,
    port: Number(own.port),
    once: own.once ?? false,
    ...(own.artifacts !== undefined && { artifacts: own.artifacts }),
    ...(own.defaultTask !== undefined && { defaultTask: own.defaultTask }),
    ...(own.queuePulseUrl !== undefined && { queuePulseUrl: new Secret(own.queuePulseUrl) }),
    worker: config,
  };
}

/**
 * Checks the options of `tcw dev` itself. Commander's own checks would quote the value, which may contain a password.
 */
function ownProblems({ port, queuePulseUrl, once, artifacts }: OwnOptions): Problem[] {
  const problems: Problem[] = [];
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    problems.push(cannotLoad('flag --port: it must be a port, from 0 to 65535'));
  }
  if (artifacts !== undefined && !once) {
    const instead = 'in a session that goes on, use tcw task artifacts <taskId> --download <folder>';
    problems.push(cannotLoad(`flag --artifacts: it needs --once; ${instead}`));
  }
  const pattern = PROPERTIES.get('pulseUrl')?.pattern;
  if (queuePulseUrl !== undefined && pattern && !new RegExp(pattern.matches).test(queuePulseUrl)) {
    problems.push(invalid(`flag --queue-pulse-url: it must be ${pattern.meaning}`));
  }
  return problems;
}
