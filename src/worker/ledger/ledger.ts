import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Tell } from '../events.ts';
import { closedAtExit } from './closed-at-exit.ts';
import { foldersIn } from './records.ts';
import { showLife } from './sign-of-life.ts';

/**
 * What a worker has on its machine, written down before it exists, so that after the worker's sudden death the next one
 * can remove that, and nothing else:
 *
 *     <tasksDir>/.tcw-<uid>/<worker>.alive                  a FIFO that the worker holds open while it lives
 *     <tasksDir>/.tcw-<uid>/<worker>/task_<taskId>_<runId>  a record of one run: traces of its processes
 *     <tasksDir>/.tcw-<uid>/<worker>/<any folder>           the engine's own, needed for an instant
 *
 * `<worker>` is random for each process. A record's name says which files are the run's; no path stands in it.
 */
export interface Ledger {
  /** Where the records of all workers with this tasksDir and this user are. */
  readonly folder: string;
  readonly worker: string;
  /** For this user only. Folders in it go with the worker, or with the next one. */
  readonly workerFolder: string;
  /** Writes a run down, by the name of its folder. Without a record, on a full disk, the run goes on. */
  begin(runName: string): Entry;
  /** The worker ends in order, and nothing of its runs is left. The end of the process closes it too. */
  close(): void;
}

export interface Entry {
  /** Adds a word by which the engine finds the run's processes. */
  readonly keep: (trace: string) => void;
  /** Nothing is left of the run. */
  end(): void;
}

const { O_APPEND, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

const TRIES = 5;
const uid = process.getuid?.() ?? 0;

/**
 * Opens a worker's ledger.
 *
 * @returns undefined, with a warning, where there can be none: the worker works, and what it leaves at a sudden death
 *          stays
 */
export async function openLedger(tasksDir: string, tell: Tell): Promise<Ledger | undefined> {
  const folder = `${tasksDir}/.tcw-${uid}`;
  const worker = randomBytes(16).toString('hex');
  const records = `${folder}/${worker}`;
  const alive = `${records}.alive`;
  let descriptor: number | undefined;
  const close = closedAtExit(() => {
    // What is left is of something that could not be removed: the next worker tries again.
    removeFolders(records);
    const empty = isRemoved(records);
    if (descriptor !== undefined) closeSync(descriptor);
    if (!empty) return;
    rmSync(alive, { force: true });
    isRemoved(folder);
  });
  try {
    descriptor = await firstToWork(TRIES, () => {
      makeOwn(folder);
      return showLife(alive);
    });
    makeOwn(records);
    return {
      folder,
      worker,
      workerFolder: records,
      begin: runName => entry(`${records}/${runName}`, tell),
      close,
    };
  } catch (err) {
    close();
    tell({ type: 'no-ledger', err });
    return undefined;
  }
}

/** A worker that starts or ends at the same time may remove what is being made, an instant before it is in use. */
async function firstToWork<T>(tries: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (tries === 1) throw error;
    return firstToWork(tries - 1, work);
  }
}

function entry(file: string, tell: Tell): Entry {
  const trying = (act: () => void) => {
    try {
      act();
    } catch (err) {
      tell({ type: 'not-written-down', err });
    }
  };
  trying(() => {
    writeFileSync(file, '', { mode: 0o600, flag: 'wx' });
  });
  return {
    keep: trace => {
      trying(() => {
        append(file, `${trace}\n`);
      });
    },
    end: () => {
      trying(() => {
        rmSync(file, { force: true });
      });
    },
  };
}

/** A task may have put a pipe or a link in the place of a record: neither is waited for, nor followed. */
function append(file: string, text: string): void {
  const descriptor = openSync(file, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK);
  try {
    writeSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}

/** A folder for this user only. One that is a link, or another user's, is refused. */
function makeOwn(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== uid) throw new Error(`${folder} is not a folder of this user`);
}

/** Removes what the engine was making, unless a program that it has started is still at it. */
function removeFolders(records: string): void {
  try {
    for (const folder of foldersIn(records)) rmSync(folder, { recursive: true, force: true });
  } catch {
    // What stays is seen when the folder that it lies in is removed.
  }
}

/** Removes a folder if there is nothing in it. */
function isRemoved(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
