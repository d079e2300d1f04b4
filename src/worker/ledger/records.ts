import { chmodSync, lstatSync, opendirSync } from 'node:fs';
import { readOwnFile } from '../files/own-file.ts';
import { isAlive } from '../engines/processes/index.ts';
import { showsLife } from './sign-of-life.ts';

/** One run that a worker has written down. */
export interface Record {
  readonly file: string;
  /** The name of the run's folder. */
  readonly runName: string;
  /** By which the run's folder is known, where it was made. */
  readonly ino: bigint | undefined;
  readonly traces: readonly string[];
}

/** What one worker has written down. */
export interface Records {
  /** The folder of the records. */
  readonly folder: string;
  /** Undefined where nothing tells. */
  readonly alive: boolean | undefined;
  readonly runs: readonly Record[];
}

/** What a line begins with that says which folder is the run's. Any other line is a trace. */
export const FOLDER = 'folder ';

/** A word for a process (life.ts), and one for the ledger. */
const WORKER = /^[0-9a-f]{8}-[0-9a-f]{8}-\d{1,10}-\d{1,20}-[0-9a-f]{16}$/;
const ALIVE = '.alive';
const RUN_NAME = /^task_[\w-]{22}_\d{1,9}$/;
/** A record holds a line or two; what is longer was not written by a worker. */
const LONGEST_RECORD = 4_096;
/** No more names are read of a folder, in which a task may have made any number of files. */
const MOST_NAMES = 10_000;

/**
 * Reads what all workers of a ledger's folder have written down. What does not look like a worker's writing is not
 * read: a link, a pipe, another user's file, a strange name.
 */
export function readRecords(ledgerFolder: string): Records[] {
  const workers = new Set(
    list(ledgerFolder)
      .map(name => (name.endsWith(ALIVE) ? name.slice(0, -ALIVE.length) : name))
      .filter(name => WORKER.test(name)),
  );
  return Array.from(workers, worker => {
    const folder = `${ledgerFolder}/${worker}`;
    // Looked at before the records are: a worker that ends in between has ended in order, or is found next time.
    // The kernel's word for it comes first: a task can do nothing about that.
    const alive = isAlive(worker) ?? showsLife(`${folder}${ALIVE}`);
    return { folder, alive, runs: namesIn(folder).flatMap(name => readRecord(folder, name)) };
  });
}

/** The names in a folder: none where that is a link, or is not there. */
function namesIn(folder: string): string[] {
  return isFolder(folder) ? list(folder) : [];
}

function readRecord(folder: string, runName: string): Record[] {
  if (!RUN_NAME.test(runName)) return [];
  const file = `${folder}/${runName}`;
  const text = readOwnFile(file, LONGEST_RECORD);
  if (text === undefined) return [];
  const lines = text.split('\n').filter(Boolean);
  const [, ino] = /^folder (\d{1,20})$/m.exec(text) ?? [];
  return [
    {
      file,
      runName,
      ino: ino === undefined ? undefined : BigInt(ino),
      traces: lines.filter(line => !line.startsWith(FOLDER)),
    },
  ];
}

/** Whether there is a folder of this user, in which names can then be read: a task may have taken the permission away. */
function isFolder(path: string): boolean {
  try {
    const found = lstatSync(path);
    if (!found.isDirectory() || found.uid !== process.getuid?.()) return false;
    if ((found.mode & 0o700) !== 0o700) chmodSync(path, 0o700);
    return true;
  } catch {
    return false;
  }
}

function list(folder: string): string[] {
  try {
    using directory = opendirSync(folder);
    const names: string[] = [];
    for (let entry = directory.readSync(); entry && names.length < MOST_NAMES; entry = directory.readSync())
      names.push(entry.name);
    return names;
  } catch {
    return [];
  }
}
