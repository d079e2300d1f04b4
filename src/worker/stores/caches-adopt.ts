import { rename } from 'node:fs/promises';
import { sweep, type Sweeping } from './caches-sweep.ts';
import { readTable, writeTable, type CacheEntry } from './caches-table.ts';
import { furtherFolders, takeFolder, type OwnFolder } from './own-folder.ts';

/**
 * Takes over the caches of further workers that have ended: they used folders in this one while another worker had it, as
 * after a restart during which the old worker was still finishing its tasks. Otherwise nobody would ever use or remove
 * those caches.
 */
export async function adopted(own: OwnFolder, sweeping: Sweeping): Promise<CacheEntry[]> {
  const found: CacheEntry[] = [];
  for (const folder of await furtherFolders(own.path)) {
    let further: OwnFolder | undefined;
    try {
      further = await takeFolder(folder);
      if (!further) continue;
      for (const entry of await sweep(further, readTable(folder), sweeping)) {
        await rename(`${folder}/${entry.id}`, `${own.path}/${entry.id}`);
        found.push(entry);
      }
      // No worker is to look for them here any more.
      writeTable(folder, []);
    } catch (err) {
      sweeping.tell({
        type: 'store-entry-stays',
        description: 'caches of a worker that has ended',
        folder,
        err,
      });
    } finally {
      further?.[Symbol.dispose]();
    }
  }
  return found;
}
