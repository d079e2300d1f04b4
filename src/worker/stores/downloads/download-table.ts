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
  /** Whether this worker itself recorded the SHA-256 and the key. */
  readonly isAuthentic: boolean;
  /**
   * Undefined until the file has been read again, because a task could write to it during the download and
   * before this worker started.
   */
  stamp: Stamp | undefined;
  users: number;
  isRemoved: boolean;
}

interface OpenedEntry {
  readonly handle: FileHandle;
  /** The stamp of the known content. */
  readonly stamp: Stamp;
}

/** The downloads on disk, by key. The list is written to disk at each change. */
export interface DownloadTable {
  get(key: string): Entry | undefined;
  pathOf(entry: Pick<Kept, 'name'>): string;
  /** Adds a download, and replaces an existing one with the same key. */
  add(download: Omit<Entry, 'stamp' | 'users' | 'isRemoved'>): Promise<Entry>;
  /**
   * Opens a download.
   *
   * @returns undefined if its file is no longer the downloaded content
   */
  use(entry: Entry, signal: AbortSignal): Promise<Download | undefined>;
  /** Nobody gets it from now on. Its file is removed when its last user is done. */
  remove(entry: Entry): Promise<void>;
  unused(): Unused[];
  save(): void;
}

/** @param onProblem called when the list cannot be written */
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
  /** A task may have put anything in place of the file. It is removed, whatever it is. */
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

  /** Opens the file of an entry. Undefined if it is no longer the downloaded content. */
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
