import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { Secret } from '../../../base/index.ts';
import { readOwnFile, replaceOwnFile } from '../../files/own-file.ts';
import { removeFolder } from '../../files/remove-folder.ts';

/** The record of one download. */
export interface Kept {
  /** The requested content: `artifact:<taskId>:<name>`, `urlcontent:<url>`. */
  readonly key: string;
  /** The name of its file. */
  readonly name: string;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
  /** ms since the epoch. */
  readonly lastUsedMs: number;
}

/** A record of an earlier worker. */
export interface Found extends Kept {
  /** Whether a worker with the same secret wrote it, so that its SHA-256 can be trusted. */
  readonly isAuthentic: boolean;
}

/**
 * The list of the downloads in a folder:
 *
 *     downloads.json           a MAC, and the list
 *     <random>.download        the content of each
 *
 * Tasks of the native engine can write to all of this, so the list is trusted only if its MAC is right.
 */
export interface StateFile {
  /** Creates a name for the file of a new download. */
  readonly newName: () => string;
  /** Reads the list of an earlier worker, and removes the files of downloads that are not in it. */
  read(): Promise<Found[]>;
  /** @throws Error of the system */
  save(kept: Iterable<Kept>): void;
}

const STATE = 'downloads.json';
const DOWNLOAD = /^[0-9a-f]{32}\.download$/;
/** Left by a crash while a list was being replaced. */
const HALF_WRITTEN = /^downloads\.json\.[0-9a-f]{16}$/;
/** Longer than any list, even with as many downloads as fit on a disk. */
const LONGEST_STATE_BYTES = 64 * 1024 * 1024;

/**
 * @param secret known to this worker and its successors, but to no task
 * @param onProblem called with what cannot be removed
 */
export function stateFile(
  folder: string,
  secret: Secret,
  onProblem: ((message: string) => void) | undefined,
): StateFile {
  const file = `${folder}/${STATE}`;
  const macOf = (text: string) =>
    createHmac('sha256', secret.reveal()).update(`tcw downloads\n${text}`).digest();
  const list = (): Found[] => {
    const size = lstatSync(file, { throwIfNoEntry: false })?.size ?? 0;
    const bytes = readOwnFile(file, Math.min(size, LONGEST_STATE_BYTES)) ?? '';
    const [mac = '', text = ''] = Buffer.from(bytes, 'latin1').toString().split('\n', 2);
    const [given, expected] = [Buffer.from(mac, 'hex'), macOf(text)];
    const isAuthentic = given.length === expected.length && timingSafeEqual(given, expected);
    return listIn(text).map(kept => ({ ...kept, isAuthentic }));
  };

  return {
    newName: () => `${randomBytes(16).toString('hex')}.download`,
    save: kept => {
      const all = Array.from(kept, ({ key, name, sha256, bytes, lastUsedMs }) => ({
        key,
        name,
        sha256,
        bytes,
        lastUsedMs,
      }));
      const text = JSON.stringify(all);
      replaceOwnFile(file, `${macOf(text).toString('hex')}\n${text}`);
    },
    read: async () => {
      // If two entries name one file, only one of them may be removed and used.
      const found = new Map(list().map(kept => [kept.name, kept]));
      for (const name of await readdir(folder)) {
        const isOurs = DOWNLOAD.test(name) || HALF_WRITTEN.test(name);
        if (!isOurs || found.has(name)) continue;
        // A task may have put something there that cannot be removed. It must not keep a worker from starting.
        await removeFolder(`${folder}/${name}`).catch((error: unknown) => {
          onProblem?.(`a download cannot be removed: ${(error as Error).message}`);
        });
      }
      return [...found.values()];
    },
  };
}

function listIn(text: string): Kept[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return [];
  }
  return Array.isArray(list) ? list.filter(isKept) : [];
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== 'object' || value === null) return false;
  const { key, name, sha256, bytes, lastUsedMs } = value as Partial<Kept>;
  return (
    typeof key === 'string' &&
    typeof name === 'string' &&
    DOWNLOAD.test(name) &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    Number.isSafeInteger(bytes) &&
    Number.isFinite(lastUsedMs)
  );
}
