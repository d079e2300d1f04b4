import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { Secret } from '../../../base/index.ts';
import { readOwnFile, replaceOwnFile } from '../../files/own-file.ts';
import { removeFolder } from '../../files/remove-folder.ts';

/** What is written down about one download. */
export interface Kept {
  /** What was asked for: `artifact:<taskId>:<name>`, `urlcontent:<url>`. */
  readonly key: string;
  /** The name of its file. */
  readonly name: string;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
  /** ms since the epoch. */
  readonly lastUsedMs: number;
}

/** What an earlier worker has kept. */
export interface Found extends Kept {
  /** Whether a worker with the same secret wrote it down, so that its SHA-256 can be believed. */
  readonly isAuthentic: boolean;
}

/**
 * The list of the downloads in a folder:
 *
 *     downloads.json           a MAC, and the list
 *     <random>.download        the content of each
 *
 * Tasks of the native engine can write all of this. So the list counts for what its MAC says.
 */
export interface StateFile {
  /** A name for the file of a new download. */
  readonly newName: () => string;
  /** Reads what an earlier worker has kept, and removes the files of downloads that are not in its list. */
  read(): Promise<Found[]>;
  /** @throws Error of the system */
  save(kept: Iterable<Kept>): void;
}

const STATE = 'downloads.json';
const DOWNLOAD = /^[0-9a-f]{32}\.download$/;
/** What a sudden death leaves of a list that was being replaced. */
const HALF_WRITTEN = /^downloads\.json\.[0-9a-f]{16}$/;
/** Longer than any worker's list: of as many downloads as fit on a disk. */
const LONGEST_STATE_BYTES = 64 * 1024 * 1024;

/**
 * @param secret known to this worker and to those that come after it; no task knows it
 * @param onProblem told what cannot be removed
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
      // Of a file that two entries name, only one may be removed and used.
      const found = new Map(list().map(kept => [kept.name, kept]));
      for (const name of await readdir(folder)) {
        const isOurs = DOWNLOAD.test(name) || HALF_WRITTEN.test(name);
        if (!isOurs || found.has(name)) continue;
        // What a task has put there may be impossible to remove, and keeps no worker from its start.
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
