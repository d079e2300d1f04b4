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

/** The transfers in progress. */
export interface Transfers {
  /** Returns the transfer of some content that is in progress, or a new one. It begins when somebody joins it. */
  for(key: string): Transfer;
  ended(): Promise<unknown>;
}

/** Runs transfers, each into a new file. It is added to the table when it is complete, and removed otherwise. */
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
        // The hash of the received bytes, not of the file, to which a task may have written. Its first user
        // reads it again.
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
