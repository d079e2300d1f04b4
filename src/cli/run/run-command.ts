import {
  connectRunner,
  standaloneHost,
  reportThroughRunner,
  runnerHost,
  type Note,
  type RunnerConnection,
} from '../../pool/index.ts';
import { LiveSecrets } from '../../worker/index.ts';

import { readConfig, readSources } from '../config/read.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { problemOf, runFor } from './hosted.ts';
import { writeInBackground } from '../output/output.ts';
import { registers } from '../registration/registers.ts';
import { throughRunner } from './runner-line.ts';
import type { RunOptions } from './run-options.ts';
import { withIo } from '../output/with-io.ts';

/**
 * `tcw run`, from its command line to its exit code: finds out what hosts the worker, reads its configuration, and runs
 * it.
 *
 * @throws Failure
 */
export async function runCommand(options: RunOptions): Promise<number> {
  if (options.workerRunnerProtocolPipe !== undefined) throw pipeRefused();
  if (options.check) {
    const { checkCommand } = await import('./check/check-command.ts');
    return checkCommand(options);
  }
  if (options.json)
    throw new Failure(EXIT_CODES.cannotLoadConfig.code, '--json is for the report of --check');
  const secrets = new LiveSecrets();
  if (!options.withWorkerRunner) return withoutRunner(options, secrets);
  const { stdin, stdout } = process;
  writeInBackground(stdout);
  const runner = connectRunner({ input: stdin, output: stdout }, json => secrets.hideInJson(json));
  try {
    return await configured(options, secrets, runner);
  } finally {
    await runner.close();
  }
}

/** Without worker-runner, the worker registers itself if its configuration says so. */
async function withoutRunner(options: RunOptions, secrets: LiveSecrets): Promise<number> {
  const workingDirectory = process.cwd();
  const sources = await readSources({ ...options, environment: process.env, workingDirectory });
  if (!registers(sources)) return configured(options, secrets, undefined);
  const { runRegistered } = await import('../registration/run-registered.ts');
  return runRegistered(sources, workingDirectory, secrets);
}

async function configured(
  options: RunOptions,
  secrets: LiveSecrets,
  runner: RunnerConnection | undefined,
): Promise<number> {
  const { config, warnings } = await reading(options, runner);
  secrets.addAllOf(config);
  const elsewhere = runner && throughRunner(runner);
  return withIo({ level: config.logLevel, secrets, elsewhere }, async io => {
    const note: Note = (level, message, fields = {}) => {
      io.logger[level](fields, message);
    };
    runner?.logEntry$.subscribe(({ level, message, fields }) => {
      note(level, message, fields);
    });
    for (const { message, ...fields } of warnings) io.logger.warn(fields, message);
    if (config.provider !== 'standalone')
      note('warn', 'provider has no effect: worker-runner registers the worker');
    const host = runner ? runnerHost(runner, config, note) : standaloneHost(config, note);
    // This must happen before the log ends: after that, the process ends within a second.
    await using _ = { [Symbol.asyncDispose]: async () => runner?.close() };
    return await runFor(host, config, io);
  });
}

/**
 * Reads the configuration. Errors are reported through worker-runner, because the pool's owner needs to know about an
 * unusable configuration.
 */
async function reading(
  options: RunOptions,
  runner: RunnerConnection | undefined,
): ReturnType<typeof readConfig> {
  try {
    return await readConfig({ ...options, environment: process.env, workingDirectory: process.cwd() });
  } catch (error) {
    if (runner) await reportThroughRunner(runner, problemOf(error));
    throw error;
  }
}

/** generic-worker accepts this flag only on Windows, where worker-runner starts it as a service. */
function pipeRefused(): Failure {
  return new Failure(
    EXIT_CODES.cannotLoadConfig.code,
    process.platform === 'win32'
      ? '--worker-runner-protocol-pipe: tcw cannot be a service of worker-runner; let worker-runner start it by its path'
      : '--worker-runner-protocol-pipe is for services of Windows: leave it out, --with-worker-runner is enough here',
  );
}
