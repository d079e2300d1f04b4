import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Emit } from '../events.ts';
import { isCode } from '../files/is-code.ts';
import type { FolderIdentity } from '../files/remove-folder.ts';
import { ownLife } from '../engines/processes/index.ts';
import { closedAtExit } from './closed-at-exit.ts';
import { FOLDER } from './records.ts';
import { holdFifo } from './sign-of-life.ts';

/**
 * A record of what a worker has on its machine. Entries are written before anything exists, so that after a
 * crash the next worker can remove that, and nothing else:
 *
 *     <tasksDir>/.tcw-<uid>/<worker>.alive                  a FIFO that the worker holds open while it lives
 *     <tasksDir>/.tcw-<uid>/<worker>/task_<taskId>_<runId>  a record of one run: its folder, traces of its processes
 *
 * `<worker>` identifies the process (engines/processes/life.ts), and differs for each ledger. The name of a record determines the
 * run's files; a record contains no paths. Tasks can write to all of this, so the worker believes nothing in it
 * that would harm a living worker.
 */
export interface Ledger {
  /** The folder with the records of all workers that share this tasksDir and user. */
  readonly folder: string;
  readonly worker: string;
  /**
   * Creates the record of a run, named after its folder. If that fails, for example on a full disk, the run
   * continues without one.
   */
  begin(runName: string): Entry;
  /** The worker ends normally, and nothing of its runs is left. The end of the process closes the ledger, too. */
  close(): void;
}

export interface Entry {
  /** Records the identity of the run's folder. */
  readonly made: (folder: FolderIdentity) => void;
  /** Records a trace by which the engine finds the run's processes. */
  readonly keep: (trace: string) => void;
  /** Nothing of the run is left. */
  end(): void;
}

const { O_APPEND, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

const TRIES = 5;
const uid = process.getuid?.() ?? 0;

/**
 * Opens a worker's ledger.
 *
 * @returns undefined, after a warning, if it cannot be opened. The worker still works, but leaves its traces
 *   after a crash
 */
export async function openLedger(tasksDir: string, emit: Emit): Promise<Ledger | undefined> {
  const folder = `${tasksDir}/.tcw-${uid}`;
  const worker = `${ownLife()}-${randomBytes(8).toString('hex')}`;
  const records = `${folder}/${worker}`;
  const alive = `${records}.alive`;
  let descriptor: number | undefined;
  const close = closedAtExit(() => {
    // Something could not be removed. The next worker tries again.
    const isLeft = whyThere(records) !== undefined;
    if (descriptor !== undefined) closeSync(descriptor);
    if (isLeft) return;
    rmSync(alive, { force: true });
    whyThere(folder);
  });
  const makeRecords = () => {
    for (const own of [folder, records]) makeOwn(own);
  };
  try {
    descriptor = await firstToWork(TRIES, () => {
      makeOwn(folder);
      return holdFifo(alive);
    });
    makeRecords();
    return {
      folder,
      worker,
      begin: runName => entry(`${records}/${runName}`, makeRecords, emit),
      close,
    };
  } catch (err) {
    close();
    emit({ type: 'no-ledger', err });
    return undefined;
  }
}

/** A worker that starts or ends at the same time may remove what was just created. */
async function firstToWork<T>(tries: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (tries === 1) throw error;
    return firstToWork(tries - 1, work);
  }
}

function entry(file: string, makeRecords: () => void, emit: Emit): Entry {
  const trying = (act: () => void) => {
    try {
      act();
    } catch (err) {
      emit({ type: 'not-written-down', err });
    }
  };
  const begin = () => {
    writeFileSync(file, '', { mode: 0o600, flag: 'wx' });
  };
  const add = (line: string) => {
    trying(() => {
      append(file, `${line}\n`);
    });
  };
  trying(() => {
    try {
      begin();
    } catch {
      // A task may have removed the records, or replaced this one.
      makeRecords();
      rmSync(file, { force: true });
      begin();
    }
  });
  return {
    made: ({ ino }) => {
      add(`${FOLDER}${ino}`);
    },
    keep: add,
    end: () => {
      trying(() => {
        rmSync(file, { force: true });
      });
    },
  };
}

/** A task may have replaced a record by a pipe or a link. Neither blocks the worker nor is followed. */
function append(file: string, text: string): void {
  const descriptor = openSync(file, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK);
  try {
    writeSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Creates a folder for this user only. Removes anything that a task has put in its place.
 *
 * @throws Error when something of another user is in the way
 */
function makeOwn(folder: string): void {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found && found.uid !== uid) throw new Error(`${folder} belongs to another user; remove it`);
  if (found?.isDirectory()) {
    if ((found.mode & 0o777) !== 0o700) chmodSync(folder, 0o700);
    return;
  }
  if (found) unlinkSync(folder);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another worker may create it at the same time.
    if (!isCode(error, 'EEXIST')) throw error;
  }
}

/** Removes a folder if it is empty. Otherwise returns the system's error code. */
function whyThere(folder: string): string | undefined {
  try {
    rmdirSync(folder);
    return undefined;
  } catch (error) {
    return isCode(error, 'ENOENT') ? undefined : (error as NodeJS.ErrnoException).code;
  }
}
