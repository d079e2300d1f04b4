import { randomBytes } from 'node:crypto';
import { readOwnFile, replaceOwnFile } from '../files/own-file.ts';

/** An unused cache. Its directory in the folder of caches is named after its id. */
export interface CacheEntry {
  readonly id: string;
  readonly cacheName: string;
  /** The inode of its directory. The device number may change when the machine restarts. */
  readonly ino: bigint;
  /** ms since the epoch, by the queue's clock, for comparison with purge requests. */
  readonly createdMs: number;
  /** ms since the epoch, by this machine's clock. */
  readonly lastUsedMs: number;
}

const FILE = 'tcw-caches.json';
/** Limit for the part of the file that is read. An entry has about 200 bytes. */
const MAX_BYTES = 4 * 1024 * 1024;
const ID = /^cache-[\w-]{22}$/;
const INO = /^\d{1,20}$/;

export function newCacheId(): string {
  return `cache-${randomBytes(16).toString('base64url')}`;
}

/** Whether a name in the folder of caches may belong to a cache. */
export function isCacheId(name: string): boolean {
  return ID.test(name);
}

/**
 * Reads the list of caches that a worker has returned in good order. Tasks can write to the list, so invalid
 * entries are skipped, and each entry is compared with the disk before it is used.
 */
export function readTable(folder: string): CacheEntry[] {
  const text = readOwnFile(`${folder}/${FILE}`, MAX_BYTES)?.replace(/\0+$/, '');
  if (!text) return [];
  const entries = new Map<string, CacheEntry>();
  for (const line of text.split('\n')) {
    const entry = entryOf(line);
    if (entry) entries.set(entry.id, entry);
  }
  return [...entries.values()];
}

/**
 * Writes the list. If the worker crashes, the list is either the old or the new one.
 *
 * @throws Error of the system
 */
export function writeTable(folder: string, entries: Iterable<CacheEntry>): void {
  replaceOwnFile(`${folder}/${FILE}`, Array.from(entries, lineOf).join(''));
}

/** One entry per line, in ASCII. */
function lineOf({ id, cacheName, ino, createdMs, lastUsedMs }: CacheEntry): string {
  const text = JSON.stringify({ id, cacheName, ino: String(ino), createdMs, lastUsedMs });
  return `${text.replaceAll(/[^\x20-\x7e]/g, escaped)}\n`;
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function entryOf(line: string): CacheEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, cacheName, ino, createdMs, lastUsedMs } = value as Record<string, unknown>;
  if (typeof id !== 'string' || !ID.test(id) || typeof cacheName !== 'string') return undefined;
  if (typeof ino !== 'string' || !INO.test(ino)) return undefined;
  if (!isTime(createdMs) || !isTime(lastUsedMs)) return undefined;
  return { id, cacheName, ino: BigInt(ino), createdMs, lastUsedMs };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
