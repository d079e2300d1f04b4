import { closeSync, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  openLedger,
  removeFolder,
  removeLeftovers,
  holdFifo,
  isFifoHeld,
  dockerLeftovers,
  nativeLeftovers,
} from '../../worker/index.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import type { Logger } from '../output/logger.ts';

/** The pid of the process that made the folder, and the random letters of mkdtemp. */
const HOME = /^tcw-dev-(\d+)-\w{6}$/;
const ALIVE = 'alive';

/** The folder of one `tcw dev`. A file in it shows whether that process is alive. */
export interface DevHome extends AsyncDisposable {
  readonly folder: string;
}

/** Creates a folder for a `tcw dev` in the directory for temporary files. @throws Failure */
export async function devHome(): Promise<DevHome> {
  const folder = await mkdtemp(join(tmpdir(), `tcw-dev-${process.pid}-`)).catch((cause: unknown) => {
    const { code, message } = cause as NodeJS.ErrnoException;
    const problem = `no temporary folder can be made in ${tmpdir()} (${code ?? message}): set TMPDIR to another folder`;
    throw new Failure(EXIT_CODES.invalidConfig.code, problem, { cause });
  });
  // Without the sign of life, later `tcw dev`s do not remove the folder after a sudden death.
  const descriptor = await holdFifo(join(folder, ALIVE)).catch(() => undefined);
  return {
    folder,
    [Symbol.asyncDispose]: async () => {
      await removeFolder(folder);
      if (descriptor !== undefined) closeSync(descriptor);
    },
  };
}

/**
 * Removes folders and task processes that killed `tcw dev`s of this user left behind. If it is not certain that the
 * process is dead, its folder is left alone.
 */
export async function removeDeadHomes(logger: Logger): Promise<void> {
  for (const folder of deadHomes()) {
    try {
      const tasksDir = join(folder, 'tasks');
      if (isOwn(tasksDir, 'isDirectory')) await endTasks(tasksDir);
      await removeFolder(folder);
      logger.info({ folder }, 'removed what a killed tcw dev left behind');
    } catch (err) {
      logger.warn({ folder, err }, 'could not remove what a killed tcw dev left behind');
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
      emit: () => undefined,
    });
  } finally {
    ledger.close();
  }
}

/**
 * Finds folders whose sign of life nobody holds and whose pid no process has. Pids are not comparable between
 * containers, so there only the sign of life tells whether the process is alive.
 */
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
        isFifoHeld(join(folder, ALIVE)) === false &&
        !isProcess(Number(pid))
      );
    })
    .map(name => join(temporary, name));
}

/** Checks the owner: other users can create anything in the directory for temporary files, under any name. */
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
