import type { FileHandle } from 'node:fs/promises';
import { removeFolder } from '../../files/remove-folder.ts';
import { TaskError } from '../../outcome.ts';
import type { Unused } from '../collector.ts';
import type { Download } from './download.ts';
import { isSame, openDownload, sha256Of, stampOf, stampToHash, type Stamp } from './download-file.ts';
import type { Kept, StateFile } from './state-file.ts';

/** A download on disk. */
export interface Entry extends Kept {
  lastUsedMs: number;
  /** Whether the SHA-256 and the key are this worker's own word. */
  readonly isAuthentic: boolean;
  /** Undefined until the file has been read again: a task could write to it while it came, and before this worker began. */
  stamp: Stamp | undefined;
  users: number;
  isRemoved: boolean;
}

interface OpenedEntry {
  readonly handle: FileHandle;
  /** As its content was known. */
  readonly stamp: Stamp;
}

/** The downloads on disk, by their keys. The list of them is written down at each change. */
export interface DownloadTable {
  get(key: string): Entry | undefined;
  pathOf(entry: Pick<Kept, 'name'>): string;
  /** Adds a download, in the place of any with the same key. */
  add(download: Omit<Entry, 'stamp' | 'users' | 'isRemoved'>): Promise<Entry>;
  /**
   * Opens a download.
   *
   * @returns undefined where its file is not any more what was downloaded
   */
  use(entry: Entry, signal: AbortSignal): Promise<Download | undefined>;
  /** From now on nobody gets it. Its file goes when its last user has. */
  remove(entry: Entry): Promise<void>;
  unused(): Unused[];
  save(): void;
}

/** @param onProblem told when the list cannot be written */
export function downloadTable(
  folder: string,
  files: Pick<StateFile, 'save'>,
  onProblem: ((message: string) => void) | undefined,
): DownloadTable {
  const entries = new Map<string, Entry>();
  const pathOf = ({ name }: Pick<Kept, 'name'>) => `${folder}/${name}`;

  const save = () => {
    try {
      files.save(entries.values());
    } catch (error) {
      onProblem?.(`the list of downloads cannot be written: ${(error as Error).message}`);
    }
  };
  /** A task may have put anything in the place of the file, and whatever it is goes. */
  const removeFile = async (entry: Entry) => {
    try {
      await removeFolder(pathOf(entry));
    } catch (error) {
      onProblem?.(`a download cannot be removed: ${(error as Error).message}`);
    }
  };
  const forget = async (entry: Entry) => {
    if (entries.get(entry.key) === entry) entries.delete(entry.key);
    entry.isRemoved = true;
    save();
    if (entry.users === 0) await removeFile(entry);
  };
  const release = async (entry: Entry) => {
    entry.users--;
    if (entry.isRemoved && entry.users === 0) await removeFile(entry);
  };

  /** Opens the file of an entry; undefined where it is not any more what was downloaded. */
  const openUnchanged = async (entry: Entry, signal: AbortSignal): Promise<OpenedEntry | undefined> => {
    const handle = await openDownload(pathOf(entry));
    let opened: OpenedEntry | undefined;
    try {
      if (!handle) return undefined;
      if (!entry.stamp) {
        const found = await stampToHash(handle);
        if ((await sha256Of(handle, signal)) === entry.sha256) entry.stamp = found;
      }
      const { stamp } = entry;
      if (stamp && isSame(stamp, await stampOf(handle))) opened = { handle, stamp };
      return opened;
    } finally {
      if (!opened) await handle?.close();
    }
  };

  return {
    get: key => entries.get(key),
    pathOf,
    save,
    add: async download => {
      const entry = { ...download, stamp: undefined, users: 0, isRemoved: false };
      const former = entries.get(entry.key);
      entries.set(entry.key, entry);
      if (former) await forget(former);
      else save();
      return entry;
    },
    use: async (entry, signal) => {
      entry.users++;
      let found: OpenedEntry | undefined;
      try {
        found = await openUnchanged(entry, signal);
      } finally {
        if (!found) await release(entry);
      }
      if (!found) return undefined;
      entry.lastUsedMs = Date.now();
      save();
      return opened(found, entry);
    },
    remove: forget,
    unused: () =>
      [...entries.values()]
        .filter(({ users }) => users === 0)
        .map(entry => ({
          bytes: entry.bytes,
          lastUsedMs: entry.lastUsedMs,
          description: `download ${entry.key}`,
          remove: async () => {
            if (entry.users > 0) return false;
            await forget(entry);
            return true;
          },
        })),
  };

  function opened({ handle, stamp }: OpenedEntry, entry: Entry): Download {
    let isDisposed = false;
    return {
      file: pathOf(entry),
      handle,
      bytes: entry.bytes,
      sha256: entry.sha256,
      verify: async () => {
        if (isSame(stamp, await stampOf(handle))) return;
        await forget(entry);
        throw new TaskError('task-failed', `the download ${pathOf(entry)} was changed while it was used`);
      },
      [Symbol.asyncDispose]: async () => {
        if (isDisposed) return;
        isDisposed = true;
        await handle.close();
        await release(entry);
      },
    };
  }
}
