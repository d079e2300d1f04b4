import { closeSync, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  openLedger,
  removeFolder,
  removeLeftovers,
  showLife,
  showsLife,
  dockerLeftovers,
  nativeLeftovers,
} from '../../worker/index.ts';
import type { Logger } from '../output/logger.ts';

/** Its maker's pid, and letters of mkdtemp's. */
const HOME = /^tcw-dev-(\d+)-\w{6}$/;
const ALIVE = 'alive';

/** A folder for one `tcw dev`, with a sign that it lives. */
export interface DevHome extends AsyncDisposable {
  readonly folder: string;
}

/** Makes a folder for a `tcw dev` among the machine's temporary files. */
export async function devHome(): Promise<DevHome> {
  const folder = await mkdtemp(join(tmpdir(), `tcw-dev-${process.pid}-`));
  // Without a sign of life, a folder is nobody's to remove after a sudden death.
  const descriptor = await showLife(join(folder, ALIVE)).catch(() => undefined);
  return {
    folder,
    [Symbol.asyncDispose]: async () => {
      await removeFolder(folder);
      if (descriptor !== undefined) closeSync(descriptor);
    },
  };
}

/**
 * Removes what earlier `tcw dev`s of this user left when they were killed: folders, and processes of their tasks. One whose
 * death is not certain is left alone.
 */
export async function removeDeadHomes(logger: Logger): Promise<void> {
  for (const folder of deadHomes()) {
    try {
      const tasksDir = join(folder, 'tasks');
      if (isOwn(tasksDir, 'isDirectory')) await endTasks(tasksDir);
      await removeFolder(folder);
      logger.info({ folder }, 'removed what a tcw dev that was killed has left');
    } catch (err) {
      logger.warn({ folder, err }, 'could not remove what a tcw dev that was killed has left');
    }
  }
}

async function endTasks(tasksDir: string): Promise<void> {
  const ledger = await openLedger(tasksDir, () => undefined);
  if (!ledger) return;
  try {
    await removeLeftovers(ledger, {
      tasksDir,
      folders: true,
      engines: [nativeLeftovers, dockerLeftovers],
      tell: () => undefined,
    });
  } finally {
    ledger.close();
  }
}

/** Nobody holds the sign of life, and no process has the pid: in a container of its own, only the former tells. */
function deadHomes(): string[] {
  const temporary = realpathSync(tmpdir());
  return readdirSync(temporary)
    .filter(name => {
      const [, pid] = HOME.exec(name) ?? [];
      const folder = join(temporary, name);
      return (
        pid !== undefined &&
        isOwn(folder, 'isDirectory') &&
        isOwn(join(folder, ALIVE), 'isFIFO') &&
        showsLife(join(folder, ALIVE)) === false &&
        !isProcess(Number(pid))
      );
    })
    .map(name => join(temporary, name));
}

/** Others may put what they like among the temporary files, under any name. */
function isOwn(path: string, kind: 'isDirectory' | 'isFIFO'): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.[kind]() === true && found.uid === process.getuid?.();
}

function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
