import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { showsLife } from './sign-of-life.ts';

/** One run that a worker has written down. */
export interface Record {
  readonly file: string;
  /** The name of the run's folder. */
  readonly runName: string;
  readonly traces: readonly string[];
}

/** What one worker has written down. */
export interface Records {
  /** The folder of the records. */
  readonly folder: string;
  readonly alive: boolean;
  readonly runs: readonly Record[];
  /** The paths of the folders among the records: what the worker's engine was making. */
  readonly folders: readonly string[];
}

const WORKER = /^[0-9a-f]{32}$/;
const ALIVE = /^([0-9a-f]{32})\.alive$/;
const RUN_NAME = /^task_[\w-]{22}_\d{1,9}$/;
/** A record holds a word or two; what is longer was not written by a worker. */
const LONGEST_RECORD = 4_096;

/**
 * Reads what all workers of a ledger's folder have written down. What does not look like a worker's writing is not
 * read: a link, a pipe, another user's file, a strange name.
 */
export function readRecords(ledgerFolder: string): Records[] {
  const workers = new Set(
    list(ledgerFolder)
      .map(name => ALIVE.exec(name)?.[1] ?? name)
      .filter(name => WORKER.test(name)),
  );
  return Array.from(workers, worker => {
    const folder = `${ledgerFolder}/${worker}`;
    // Looked at before the records are: a worker that ends in between has ended in order, or is found next time.
    const alive = showsLife(`${folder}.alive`);
    const names = namesIn(folder);
    return {
      folder,
      alive,
      runs: names.flatMap(name => readRecord(folder, name)),
      folders: foldersIn(folder, names),
    };
  });
}

/** The paths of the folders in a folder: none where that is a link, or is not there. */
export function foldersIn(folder: string, names = namesIn(folder)): string[] {
  return names.map(name => `${folder}/${name}`).filter(isFolder);
}

function namesIn(folder: string): string[] {
  return isFolder(folder) ? list(folder) : [];
}

function readRecord(folder: string, runName: string): Record[] {
  if (!RUN_NAME.test(runName)) return [];
  const file = `${folder}/${runName}`;
  const text = readOwn(file);
  return text === undefined ? [] : [{ file, runName, traces: text.split('\n').filter(Boolean) }];
}

/** The text of a small file of this user. */
function readOwn(file: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const found = fstatSync(descriptor);
    if (!found.isFile() || found.uid !== process.getuid?.()) return undefined;
    const buffer = Buffer.alloc(LONGEST_RECORD);
    return buffer.toString('latin1', 0, readSync(descriptor, buffer));
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
