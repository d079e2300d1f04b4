import { chmodSync, lstatSync, opendirSync } from 'node:fs';
import { readOwnFile } from '../files/own-file.ts';
import { isAlive } from '../engines/processes/index.ts';
import { isFifoHeld } from './sign-of-life.ts';

/** The record of one run. */
export interface Record {
  readonly file: string;
  /** The name of the run's folder. */
  readonly runName: string;
  /** The inode of the run's folder, once it was created. */
  readonly ino: bigint | undefined;
  readonly traces: readonly string[];
}

/** The records of one worker. */
export interface Records {
  /** The folder of the records. */
  readonly folder: string;
  /** Undefined if that is unknown. */
  readonly alive: boolean | undefined;
  readonly runs: readonly Record[];
}

/** A line with this prefix identifies the run's folder. Any other line is a trace. */
export const FOLDER = 'folder ';

/** A word that identifies the process (engines/processes/life.ts), and one for the ledger. */
const WORKER = /^[0-9a-f]{8}-[0-9a-f]{8}-\d{1,10}-\d{1,20}-[0-9a-f]{16}$/;
const ALIVE = '.alive';
const RUN_NAME = /^task_[\w-]{22}_\d{1,9}$/;
/** A record has a line or two. A longer file was not written by a worker. */
const LONGEST_RECORD = 4_096;
/** Limit for names that are read from a folder, because a task may have created any number of files in it. */
const MAX_NAMES = 10_000;

/**
 * Reads the records of all workers in a ledger's folder. Skips anything that a worker would not write: links,
 * pipes, other users' files, unexpected names.
 */
export function readRecords(ledgerFolder: string): Records[] {
  const workers = new Set(
    list(ledgerFolder)
      .map(name => (name.endsWith(ALIVE) ? name.slice(0, -ALIVE.length) : name))
      .filter(name => WORKER.test(name)),
  );
  return Array.from(workers, worker => {
    const folder = `${ledgerFolder}/${worker}`;
    // Checked before the records are read. A worker that ends in between has ended normally, or is found next
    // time. The kernel's answer comes first, because a task cannot falsify it.
    const alive = isAlive(worker) ?? isFifoHeld(`${folder}${ALIVE}`);
    return { folder, alive, runs: namesIn(folder).flatMap(name => readRecord(folder, name)) };
  });
}

/** Returns the names in a folder. None if it is a link or does not exist. */
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

/** Makes a folder of this user readable, and returns whether there is one. A task may have removed the permission. */
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
    for (let entry = directory.readSync(); entry && names.length < MAX_NAMES; entry = directory.readSync())
      names.push(entry.name);
    return names;
  } catch {
    return [];
  }
}
