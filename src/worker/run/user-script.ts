import { CommandNotStarted } from '../engines/engine.ts';
import { goDuration } from '../task-log/lines.ts';
import type { ActiveRun, PreparedRun } from './active-run.ts';
import { taskEnvironment } from './environment.ts';

/** generic-worker has no limit. Without one, a script that hangs would occupy the slot until the task's deadline. */
const LONGEST_MS = 600_000;

/**
 * Runs the program of `runAfterUserCreation` as the run's new user, in the run's folder, before the task's
 * first command. It gets the variables of a task, without the payload's. Its output goes to the task's log.
 *
 * As in generic-worker, a script that fails means that this machine is of no use: the run is given back to the
 * queue, and the worker exits with the exit code of an internal error.
 *
 * @throws the reason of the run's stop
 */
export async function runAfterUserCreation(
  run: ActiveRun,
  { sandbox, log, task }: PreparedRun,
): Promise<void> {
  const { config, emit } = run.worker;
  const script = config.runAfterUserCreation;
  // A task that runs as the worker's user has no new user.
  if (script === undefined || !run.user || task.switches.has('runTaskAsCurrentUser')) return;
  log.info(`Executing runAfterUserCreation: ${script}`);
  const env = taskEnvironment(run.claim, { env: {} }, { TMPDIR: '/tmp' }, run, config);
  const startedAt = performance.now();
  const failure = await failed(
    run,
    sandbox.run({ argv: [script], env, output: log.output }),
    () => void sandbox.stop(0).catch(() => undefined),
  );
  run.stopped.throwIfAborted();
  if (failure === undefined) {
    log.info(`runAfterUserCreation took ${goDuration(performance.now() - startedAt)}`);
    return;
  }
  emit({ type: 'user-script-failed', claim: run.claim, script, failure });
  run.stop('worker-shutdown', `runAfterUserCreation failed: ${failure}. The task is given back to the queue`);
  run.stopped.throwIfAborted();
}

/** Returns why the script failed, or undefined. Ends the script when the run is stopped or it takes too long. */
async function failed(
  { stopped }: ActiveRun,
  running: Promise<{ readonly exitCode: number }>,
  end: () => void,
): Promise<string | undefined> {
  const tooLong = AbortSignal.timeout(LONGEST_MS);
  const over = AbortSignal.any([stopped, tooLong]);
  over.addEventListener('abort', end, { once: true });
  try {
    const { exitCode } = await running;
    if (tooLong.aborted) return `it took longer than ${LONGEST_MS / 60_000} minutes`;
    return exitCode === 0 ? undefined : `exit status ${exitCode}`;
  } catch (error) {
    if (error instanceof CommandNotStarted) return error.message;
    throw error;
  } finally {
    over.removeEventListener('abort', end);
  }
}
