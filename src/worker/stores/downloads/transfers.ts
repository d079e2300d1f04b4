import { unlink } from 'node:fs/promises';
import { newFile, unlessMissing } from '../../files/new-file.ts';
import type { DiskRoom } from './disk-room.ts';
import type { DownloadTable, Entry } from './download-table.ts';
import { fetchContent, type FetchLimits } from './fetch-content.ts';
import { sharedTransfer, type SharedTransfer } from './shared-transfer.ts';

/** Content on its way to a file. */
export interface Transfer {
  readonly file: string;
  readonly shared: SharedTransfer<Entry>;
}

/** The transfers under way. */
export interface Transfers {
  /** The transfer of some content that is under way, or a new one. It begins when somebody joins it. */
  for(key: string): Transfer;
  ended(): Promise<unknown>;
}

/** Transfers, each into a new file, which is added to the table when it is complete and removed otherwise. */
export function transfersInto(
  table: DownloadTable,
  newName: () => string,
  room: DiskRoom,
  limits: FetchLimits | undefined,
): Transfers {
  const underWay = new Map<string, Transfer>();

  const begin = (key: string): Transfer => {
    const name = newName();
    const file = table.pathOf({ name });
    const shared = sharedTransfer<Entry>(async wanted => {
      let isComplete = false;
      try {
        await using handle = await newFile(file);
        const { bytes, sha256 } = await fetchContent(handle, { ...wanted, room, limits });
        isComplete = true;
        // What came, not what lies in the file: a task may have written to that. Its first user reads it again.
        return await table.add({ key, name, bytes, sha256, lastUsedMs: Date.now(), isAuthentic: true });
      } finally {
        if (underWay.get(key)?.file === file) underWay.delete(key);
        if (!isComplete) await unlink(file).catch(unlessMissing);
      }
    });
    const transfer = { file, shared };
    underWay.set(key, transfer);
    return transfer;
  };
  return {
    for: key => {
      const present = underWay.get(key);
      return present && !present.shared.isGivenUp ? present : begin(key);
    },
    ended: () => Promise.all(Array.from(underWay.values(), ({ shared }) => shared.ended)),
  };
}
