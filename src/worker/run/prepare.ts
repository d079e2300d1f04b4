import { defer, from, type Observable } from 'rxjs';
import { FEATURES, type FeatureRun } from '../features/index.ts';
import { makeRunFolder } from '../files/run-folder.ts';
import { openTaskLog } from '../task-log/task-log.ts';
import { settingsBlock } from '../task-log/words.ts';
import type { ActiveRun, PreparedRun } from './active-run.ts';
import { taskEnvironment } from './environment.ts';
import { readPayload } from './read-payload.ts';

/** Makes a claim ready to run: its log, its payload checked, its folder, the place for its processes. */
export function prepare(run: ActiveRun): Observable<PreparedRun> {
  return defer(() => {
    run.dispatch({ type: 'prepare' });
    return from(prepared(run));
  });
}

async function prepared(run: ActiveRun): Promise<PreparedRun> {
  const { claim, worker, calls, folder } = run;
  const { config, engine } = worker;
  // Written down before there is anything to remove.
  const entry = (run.entry = worker.ledger?.begin(run.name));
  const [opened, made] = await Promise.allSettled([
    openTaskLog({
      folders: run.logFolders,
      name: run.logName,
      maxBytes: config.maxTaskLogMegabytes === 0 ? Infinity : config.maxTaskLogMegabytes * 1024 * 1024,
      secrets: () => worker.secrets.all,
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
  log.info(settingsBlock(config, { version: worker.version, engine: engine.name }));
  log.info(`Task ID: ${claim.taskId}`);
  log.info('=== Task Starting ===');

  const payload = readPayload(claim.task.payload, claim.taskId, log);
  const seen: FeatureRun = { claim, calls, payload, folder, log, config, signal: run.uploadsStopped };
  for (const feature of FEATURES) feature.check?.(seen);

  if (made.status === 'rejected') throw made.reason;
  run.stopped.throwIfAborted();
  const sandbox = (run.sandbox = await engine.open(folder, entry?.keep));
  run.stopped.throwIfAborted();
  return (run.prepared = {
    ...seen,
    home: made.value,
    sandbox,
    env: taskEnvironment(claim, payload, folder, config),
  });
}
