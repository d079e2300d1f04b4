import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, linkSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { isCode } from '../files/is-code.ts';
import { makeFolders } from '../files/make-folders.ts';
import { removeFolder, type FolderIdentity } from '../files/remove-folder.ts';
import { holdFifo, isFifoHeld } from '../ledger/index.ts';

/** A FIFO that the owner of the folder holds open. */
const ALIVE = 'tcw-alive';
/** Limit for the number of workers that share one configured folder. */
const MAX_WORKERS = 100;
/** Whoever replaces the sign as fast as it is removed may keep the folder. */
const MAX_ATTEMPTS = 100;

/** Called with what cannot be removed, and why. */
type OnStays = (path: string, error: unknown) => void;

/** A folder that no other worker uses while this one lives. */
export interface OwnFolder extends Disposable {
  /** Resolved, without links. */
  readonly path: string;
  readonly identity: Required<FolderIdentity>;
}

/**
 * Takes a folder for this worker, and creates it if necessary. While another living worker has it, this one
 * takes `worker-2` inside it, and so on. Two workers with one list of entries would take entries from each
 * other.
 *
 * @param onStays called with what a task has put there that cannot be removed
 * @throws Error of the system, or when a hundred workers use the folder
 */
export async function ownFolder(configured: string, onStays?: OnStays): Promise<OwnFolder> {
  await makeFolders(configured);
  const top = await realpath(configured);
  for (let number = 1; number <= MAX_WORKERS; number++) {
    const path = number === 1 ? top : furtherFolder(top, number);
    if (number > 1) await mkdir(path, { mode: 0o700 }).catch(unlessPresent);
    const own = await takeFolder(path, onStays);
    if (own) return own;
  }
  throw new Error(`${configured} is used by ${MAX_WORKERS} workers already; name another folder`);
}

/** Returns the existing folders of further workers in a configured folder. */
export async function furtherFolders(top: string): Promise<string[]> {
  const names = new Set(await readdir(top));
  const numbers = Array.from({ length: MAX_WORKERS - 1 }, (_, index) => index + 2);
  return numbers.map(number => furtherFolder(top, number)).filter(path => names.has(basename(path)));
}

function furtherFolder(top: string, number: number): string {
  return `${top}/worker-${number}`;
}

/**
 * Takes one folder. Undefined if a living worker has it, or if it is a link, which may lead to a folder that is
 * not a worker's.
 */
export async function takeFolder(path: string, onStays?: OnStays): Promise<OwnFolder | undefined> {
  const found = await lstat(path, { bigint: true });
  if (!found.isDirectory()) return undefined;
  if ((found.mode & 0o700n) !== 0o700n) await chmod(path, Number(found.mode & 0o7777n) | 0o700);
  const release = await taken(`${path}/${ALIVE}`, onStays);
  return release && { path, identity: { dev: found.dev, ino: found.ino }, [Symbol.dispose]: release };
}

/** @returns a function that gives it back, or undefined if a living worker has it */
async function taken(sign: string, onStays?: OnStays): Promise<(() => void) | undefined> {
  const own = `${sign}.${randomBytes(8).toString('hex')}`;
  let descriptor: number;
  try {
    descriptor = await holdFifo(own);
  } catch {
    // Without FIFOs, nobody can tell whether another worker lives.
    return () => undefined;
  }
  try {
    for (let attempt = 0; !isLinked(own, sign); attempt++) {
      if (isFifoHeld(sign) === true || attempt === MAX_ATTEMPTS) {
        closeSync(descriptor);
        return undefined;
      }
      await setAside(sign, onStays);
    }
  } catch (error) {
    closeSync(descriptor);
    throw error;
  } finally {
    await remove(own, onStays);
  }
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    try {
      // A task may have removed it, and another worker may have put its own there.
      const isOwn = lstatSync(sign, { throwIfNoEntry: false })?.ino === fstatSync(descriptor).ino;
      if (isOwn) rmSync(sign, { force: true });
    } finally {
      closeSync(descriptor);
    }
  };
}

/** If several workers try at the same time, the system lets one of them have the name. */
function isLinked(file: string, name: string): boolean {
  try {
    linkSync(file, name);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Removes the sign of a dead worker. If another worker has put its own there since, that one gets its name back. */
async function setAside(sign: string, onStays?: OnStays): Promise<void> {
  const aside = `${sign}.${randomBytes(8).toString('hex')}`;
  try {
    renameSync(sign, aside);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  if (isFifoHeld(aside) === true) isLinked(aside, sign);
  await remove(aside, onStays);
}

/**
 * A task may have put something there that cannot be removed. It must not keep a worker from starting, and
 * under another name it means nothing.
 */
async function remove(path: string, onStays?: OnStays): Promise<void> {
  await removeFolder(path).catch((error: unknown) => {
    onStays?.(path, error);
  });
}

/** A task may have put anything there. It is checked next. */
function unlessPresent(error: unknown): void {
  if (!isCode(error, 'EEXIST')) throw error;
}
