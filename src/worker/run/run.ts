import { longTimer } from '../../streams/index.ts';
import { defer, type Observable } from 'rxjs';
import { CommandNotStarted, type Command, type CommandResult } from '../engines/engine.ts';
import { TaskError, type Outcome } from '../outcome.ts';
import { commandSummary, goDuration, killedLine, shellCommandLine } from '../task-log/lines.ts';
import type { ExitCodes } from '../task-spec.ts';
import type { ActiveRun, PreparedRun } from './active-run.ts';
import { halfOfGrace } from './grace.ts';

/**
 * Runs a task's commands in order, until one fails. A stop ends every process of the run. This completes or
 * errors only when they are dead, or when they cannot be ended.
 */
export function execute(run: ActiveRun, prepared: PreparedRun): Observable<Outcome> {
  return defer(() => {
    run.dispatch({ type: 'run' });
    return executed(run, prepared);
  });
}

async function executed(run: ActiveRun, prepared: PreparedRun): Promise<Outcome> {
  const { sandbox, task, log } = prepared;
  const limit = longTimer(task.maxRunTimeSecs * 1_000).subscribe(() => {
    run.stop('max-run-time');
  });

  let stopping: Promise<unknown> | undefined;
  // A command that cannot be stopped would run for ever, so a failed stop must end the wait for it.
  const { promise: stopFailed, reject: failStop } = Promise.withResolvers<never>();
  stopFailed.catch(() => undefined);
  const stop = () => {
    log.error('Aborting task...');
    end(run.worker.config.killGraceSecs * 1_000);
  };
  const end = (graceMs: number) => {
    stopping = Promise.all([stopping, sandbox.stop(graceMs)]);
    stopping.catch(failStop);
  };
  // A worker that has to exit does not wait any longer, whatever the reason for the stop.
  const graceOver = halfOfGrace(run.worker).subscribe(() => {
    end(0);
  });
  // From now on neither the time limit nor the end of the worker stops the run, although its output is still
  // being read.
  const commandsEnded = () => {
    if (!run.stopped.aborted) run.dispatch({ type: 'upload' });
  };
  if (run.stopped.aborted) stop();
  run.stopped.addEventListener('abort', stop);
  try {
    for (const [index, { argv, stdin }] of task.commands.entries()) {
      run.stopped.throwIfAborted();
      log.info(`Executing command ${index}: ${argv.length > 0 ? shellCommandLine(argv) : "the image's own"}`);
      const startedAt = performance.now();
      const isLast = index === task.commands.length - 1;
      const onEnded = (exitCode: number) => {
        if (isLast || exitCode !== 0) commandsEnded();
      };
      const command = { argv, stdin, env: prepared.env, output: log.output, onEnded };
      run.features.commandStarting(index);
      const result = await Promise.race([started(prepared, command), stopFailed]);
      if (run.stopped.aborted) {
        log.error(`Command ABORTED after ${goDuration(performance.now() - startedAt)}: process aborted`);
        run.stopped.throwIfAborted();
      }
      run.exitCode = result.exitCode;
      log.info(commandSummary(result, await run.features.commandEnded(index, result)));
      const killed = killedLine(result);
      if (killed !== undefined) log.warn(killed);
      if (task.exitCodes.fatal?.includes(result.exitCode)) {
        run.worker.emit({ type: 'worker-unfit', claim: run.claim, exitCode: result.exitCode });
      }
      assertSuccess(result, task.exitCodes);
    }
    return { result: 'completed' };
  } finally {
    limit.unsubscribe();
    run.stopped.removeEventListener('abort', stop);
    try {
      await stopping;
    } finally {
      graceOver.unsubscribe();
    }
  }
}

async function started({ sandbox, log }: PreparedRun, command: Command): Promise<CommandResult> {
  try {
    return await sandbox.run(command);
  } catch (error) {
    if (error instanceof CommandNotStarted) log.info(`System error executing command: ${error.message}`);
    throw error;
  }
}

function assertSuccess(
  { exitCode }: CommandResult,
  { retry, malformed, internal = [], fatal = [] }: ExitCodes,
): void {
  if (exitCode === 0) return;
  if (retry.includes(exitCode)) {
    throw new TaskError(
      'intermittent-task',
      `task appears to have failed intermittently - exit code ${exitCode} found in task payload.onExitStatus list`,
    );
  }
  if (malformed?.includes(exitCode)) throw new TaskError('malformed-payload', `exit status ${exitCode}`);
  if ([...internal, ...fatal].includes(exitCode))
    throw new TaskError('internal-error', `exit status ${exitCode}`);
  throw new TaskError('task-failed', `exit status ${exitCode}`);
}
