import { opendir } from 'node:fs/promises';
import type { Emit } from '../events.ts';
import { isTrashName, type Discard } from './caches-trash.ts';
import { identityOf, isSame } from './caches-move.ts';
import { isCacheId, type CacheEntry } from './caches-table.ts';
import type { OwnFolder } from './own-folder.ts';

/** At most this many names are reported. */
const MAX_REPORTED = 100;

export interface Sweeping {
  readonly discard: Discard;
  readonly emit: Emit;
}

/**
 * Compares the list of caches with the contents of their folder. Names that are not those of caches are left
 * alone, because the folder may have been chosen by mistake.
 *
 * @returns the usable entries
 */
export async function sweep(
  { path: folder, identity: { dev } }: OwnFolder,
  entries: readonly CacheEntry[],
  { discard, emit }: Sweeping,
): Promise<CacheEntry[]> {
  const usable: CacheEntry[] = [];
  for (const entry of entries) {
    const found = await identityOf(`${folder}/${entry.id}`);
    // Nothing is mounted there, and it is the directory that was given back.
    if (isSame(found, { dev, ino: entry.ino })) usable.push(entry);
  }
  const known = new Set(usable.map(({ id }) => id));
  const orphans: string[] = [];
  for await (const { name } of await opendir(folder)) {
    if (isTrashName(name) || (isCacheId(name) && !known.has(name))) orphans.push(name);
  }
  for (const name of orphans) void discard(`${folder}/${name}`);
  const lost = entries.filter(({ id }) => !known.has(id) && !orphans.includes(id));
  const names = [...orphans, ...lost.map(({ id }) => id)];
  if (names.length > 0) emit({ type: 'caches-swept', folder, names: names.slice(0, MAX_REPORTED) });
  // A future time would keep an entry from being purged or from being the oldest.
  const now = Date.now();
  return usable.map(entry => ({
    ...entry,
    createdMs: Math.min(entry.createdMs, now),
    lastUsedMs: Math.min(entry.lastUsedMs, now),
  }));
}
