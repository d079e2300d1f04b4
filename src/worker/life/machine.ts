import { chosenEngines, type EngineHost } from '../choose-engines.ts';
import type { Engine } from '../engines/engine.ts';
import { enginesOf, type Engines } from '../engines/engines.ts';
import type { Emit } from '../events.ts';
import { readyTasksDir } from '../files/tasks-dir.ts';
import { openLedger, type Ledger } from '../ledger/index.ts';
import { unusableFolder } from '../start-error.ts';

/** What a worker uses of its machine. */
export interface Machine {
  readonly engines: Engines;
  /** The record of runs on this machine. Undefined if it cannot be kept. */
  readonly ledger: Ledger | undefined;
}

/**
 * Creates the engines, and checks that this machine can run tasks.
 *
 * @param engines replaces the configured engines
 * @throws StartError when the machine cannot do what is configured
 */
export async function prepareMachine(host: EngineHost, engines?: readonly Engine[]): Promise<Machine> {
  const { config, emit } = host;
  const { tasksDir } = config;
  await assertTasksDir(tasksDir);
  // The ledger comes first, because trying out an engine creates a place for a task.
  const ledger = await openLedger(tasksDir, emit);
  try {
    return { engines: enginesOf(engines ?? (await chosenEngines(host))), ledger };
  } catch (error) {
    ledger?.close();
    throw error;
  }
}

/**
 * Closes a machine on which no worker runs any more. Problems are reported as incidents, because an error would
 * hide why the worker ended.
 */
export async function closeMachine({ engines, ledger }: Machine, emit: Emit): Promise<void> {
  for (const engine of engines.all.toReversed()) {
    try {
      await engine.close?.();
    } catch (err) {
      emit({ type: 'engine-stays', err });
    }
  }
  ledger?.close();
}

/** A worker without a folder for its runs must not claim anything. */
async function assertTasksDir(tasksDir: string): Promise<void> {
  try {
    await readyTasksDir(tasksDir);
  } catch (error) {
    throw unusableFolder('tasksDir', tasksDir, error);
  }
}
