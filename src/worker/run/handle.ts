import type { Engine } from '../engines/engine.ts';
import type { RunHandle } from '../features/index.ts';
import type { RunFolder } from '../files/run-folder.ts';
import type { TaskLog } from '../task-log/task-log.ts';
import type { TaskSpec } from '../task-spec.ts';
import type { ActiveRun } from './active-run.ts';

/** Creates the handle through which features see a run. */
export function handleOf(run: ActiveRun, task: TaskSpec, log: TaskLog): RunHandle {
  return {
    claim: run.claim,
    task,
    engine: engineFor(run, task),
    user: run.user,
    calls: run.calls,
    artifacts: run.artifacts,
    log,
    certified: run.certified,
    signal: run.stopped,
    get home(): RunFolder {
      if (run.home) return run.home;
      throw new Error('the folder of the run could not be made');
    },
    beside: name => run.beside(name),
    hide: (...secrets) => {
      run.secrets.hide(...secrets);
    },
    stop: message => {
      run.stop('limit-exceeded', message);
    },
  };
}

/**
 * Returns the task's engine. Networks that it opens for the run are entered in the ledger, so that none
 * outlives the worker.
 */
function engineFor({ worker, entry }: ActiveRun, task: TaskSpec): Engine {
  const engine = worker.engines.for(task);
  const { openNetwork } = engine;
  if (!openNetwork) return engine;
  return { ...engine, openNetwork: options => openNetwork({ ...options, keep: entry?.keep }) };
}
