import { chosenEngines, type EngineHost } from '../choose-engines.ts';
import type { Engine } from '../engines/engine.ts';
import { enginesOf, type Engines } from '../engines/engines.ts';
import type { Tell } from '../events.ts';
import { readyTasksDir } from '../files/tasks-dir.ts';
import { openLedger, type Ledger } from '../ledger/index.ts';
import { StartError } from '../start-error.ts';

/** What a worker has of the machine it runs on. */
export interface Machine {
  readonly engines: Engines;
  /** Where what is made on it is written down; undefined where that cannot be. */
  readonly ledger: Ledger | undefined;
}

/**
 * Finds out how this machine runs tasks, and sees that it can.
 *
 * @param engines used instead of those that are configured
 * @throws StartError when it cannot do what is asked for
 */
export async function readyMachine(host: EngineHost, engines?: readonly Engine[]): Promise<Machine> {
  const { config, tell } = host;
  const { tasksDir } = config;
  await assertTasksDir(tasksDir);
  // First, for to find out how tasks can be run is to make a place for one.
  const ledger = await openLedger(tasksDir, tell);
  try {
    return { engines: enginesOf(engines ?? (await chosenEngines(host))), ledger };
  } catch (error) {
    ledger?.close();
    throw error;
  }
}

/** Lets go of a machine on which no worker runs any more. What goes wrong is told: it must not hide why the worker ended. */
export async function closeMachine({ engines, ledger }: Machine, tell: Tell): Promise<void> {
  for (const engine of engines.all.toReversed()) {
    try {
      await engine.close?.();
    } catch (err) {
      tell({ type: 'engine-stays', err });
    }
  }
  ledger?.close();
}

/** A worker without a folder for its runs must not claim anything. */
async function assertTasksDir(tasksDir: string): Promise<void> {
  try {
    await readyTasksDir(tasksDir);
  } catch (error) {
    const { message } = error as Error;
    // A path may be as long as a user likes to make it.
    const shown = JSON.stringify(tasksDir.length > 200 ? `${tasksDir.slice(0, 200)}…` : tasksDir);
    const [reason] = /^[A-Z]+: [^,]+/.exec(message) ?? [message];
    throw new StartError(
      `tasksDir: cannot use ${shown} (${reason}). Name another folder, or change its permissions.`,
    );
  }
}
