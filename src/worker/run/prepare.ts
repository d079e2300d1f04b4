import { defer, type Observable } from 'rxjs';
import type { TaskUser } from '../engines/engine.ts';
import { isCode } from '../files/is-code.ts';
import { makeRunFolder, type RunFolder } from '../files/run-folder.ts';
import { TaskError } from '../outcome.ts';
import type { ReadPayload } from '../payloads/index.ts';
import { openTaskLog, type TaskLog } from '../task-log/task-log.ts';
import { settingsBlock } from '../task-log/lines.ts';
import type { TaskSpec } from '../task-spec.ts';
import type { ActiveRun, PreparedRun } from './active-run.ts';
import { taskEnvironment } from './environment.ts';
import { handleOf } from './handle.ts';
import { runAfterUserCreation } from './user-script.ts';
import { featureRequestsOf, featureRequestsOfRefused, type FeatureRequest } from './feature-requests.ts';

/**
 * Prepares a claim: creates its log, checks its payload, creates its folder, starts its features and opens its
 * sandbox.
 */
export function prepare(run: ActiveRun): Observable<PreparedRun> {
  return defer(() => {
    run.dispatch({ type: 'prepare' });
    return prepared(run);
  });
}

async function prepared(run: ActiveRun): Promise<PreparedRun> {
  const { claim, worker, folder } = run;
  const { config, engines } = worker;
  // Entered in the ledger before there is anything to remove.
  const entry = (run.entry = worker.ledger?.begin(run.name));
  const [opened, made] = await Promise.allSettled([
    openTaskLog({
      folders: run.logFolders,
      name: run.logName,
      maxBytes: config.maxTaskLogMegabytes === 0 ? Infinity : config.maxTaskLogMegabytes * 1024 * 1024,
      secrets: () => run.secrets.all,
      onChunk: worker.onLog && (chunk => worker.onLog?.(claim, chunk)),
    }),
    makeRunFolder(folder),
  ]);
  if (made.status === 'fulfilled') {
    run.home = made.value;
    entry?.made(made.value);
  }
  if (opened.status === 'rejected') throw opened.reason;
  const log = (run.log = opened.value);
  log.info(settingsBlock(config, { version: worker.version, engines: engines.all.map(({ name }) => name) }));
  log.info(`Task ID: ${claim.taskId}`);
  log.info('=== Task Starting ===');

  const { task, requests } = await accepted(run, log);
  if (made.status === 'rejected') {
    await run.features.start(
      featureRequestsOfRefused(task, claim, worker.features),
      handleOf(run, task, log),
    );
    throw made.reason;
  }
  const engine = engines.for(task);
  run.user = await userOf(run, task, made.value);
  await run.features.start(requests, handleOf(run, task, log));
  run.stopped.throwIfAborted();
  const container = engine.capabilities.has('containers') ? { container: run.features.container } : {};
  const sandbox = (run.sandbox = await engine.open({
    home: made.value,
    keep: entry?.keep,
    user: run.user,
    ...container,
  }));
  run.stopped.throwIfAborted();
  const env = taskEnvironment(claim, task, run.features.env, { folder, user: run.user }, config);
  run.features.started(sandbox, env);
  const ready = { task, sandbox, log, env };
  await runAfterUserCreation(run, ready);
  return ready;
}

/** If no user id is left, the worker is of no use until its machine restarts. */
async function userOf(run: ActiveRun, task: TaskSpec, home: RunFolder): Promise<TaskUser | undefined> {
  try {
    return await run.worker.engines.for(task).makeUser?.({
      home,
      runName: run.name,
      groups: task.osGroups,
      asWorker: task.switches.has('runTaskAsCurrentUser'),
      keep: run.entry?.keep,
    });
  } catch (error) {
    if (isCode(error, 'ENOUSER')) run.worker.emit({ type: 'no-user-left', claim: run.claim });
    throw error;
  }
}

/** Reads the payload and collects its requests to features. A refused task gets a log as well. */
async function accepted(
  run: ActiveRun,
  log: TaskLog,
): Promise<{ task: TaskSpec; requests: FeatureRequest[] }> {
  const { claim, worker } = run;
  const { payloads, features, config, engines } = worker;
  let task = payloads.unreadable(claim.task.payload);
  try {
    const read = payloads.read(claim.task.payload);
    ({ task } = read);
    const asking = featureRequestsOf(task, claim, features, config, engines.for(task).capabilities);
    const requests =
      read.problems.length === 0 ? await asking : await refused(read, asking, claim.taskId, log);
    return { task, requests };
  } catch (error) {
    await run.features.start(featureRequestsOfRefused(task, claim, features), handleOf(run, task, log));
    throw error;
  }
}

/**
 * Lists the problems of a payload, and everything else that would prevent its task from running. The schema would
 * bury them, so the log only says how to print it.
 */
async function refused(
  { problems, task }: ReadPayload,
  asking: Promise<unknown>,
  taskId: string,
  log: TaskLog,
): Promise<never> {
  log.error('TASK FAIL since the task payload is invalid. See errors:');
  for (const problem of problems) log.error(`- ${problem}`);
  try {
    await asking;
  } catch (error) {
    if (!(error instanceof TaskError)) throw error;
    log.error(error.message);
  }
  log.error(
    task.format === 'script'
      ? 'tcw show-payload-schema --config, with the configuration of this worker, prints its payload schema'
      : `tcw show-payload-schema --format ${task.format} prints the payload schema`,
  );
  throw new TaskError('malformed-payload', `validation of payload failed for task ${taskId}`);
}
