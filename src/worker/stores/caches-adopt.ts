import { rename } from 'node:fs/promises';
import { sweep, type Sweeping } from './caches-sweep.ts';
import { readTable, writeTable, type CacheEntry } from './caches-table.ts';
import { furtherFolders, takeFolder, type OwnFolder } from './own-folder.ts';

/**
 * Takes over the caches of further workers that have ended. They used folders inside this one while another
 * worker had it, for example during a restart when the old worker was finishing its tasks. Otherwise those
 * caches would never be used or removed.
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
      // From now on no worker looks for them here.
      writeTable(folder, []);
    } catch (err) {
      sweeping.emit({
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
