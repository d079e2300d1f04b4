import { rmdirSync } from 'node:fs';
import { readdir, lstat, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Engine } from '../engines/engine.ts';
import type { Tell } from '../events.ts';
import { removeFolder } from '../files/remove-folder.ts';
import type { Ledger } from './ledger.ts';
import { readRecords, type Record } from './records.ts';

export interface LeftoversOptions {
  readonly tasksDir: string;
  /** Whether the folders of runs go too, or only their logs and temporary files. */
  readonly folders: boolean;
  readonly engine: Engine;
  readonly tell: Tell;
}

/**
 * Removes what workers with the same tasksDir left when they died without warning: the processes of their runs, their
 * folders, logs and temporary files. What a living worker has written down is left alone. Never errors: what could not
 * be removed is said in the log, and tried again at the next start.
 */
export async function removeLeftovers(ledger: Ledger, options: LeftoversOptions): Promise<void> {
  const { engine, tell } = options;
  const workers = readRecords(ledger.folder);
  const living = workers.filter(({ alive }) => alive).flatMap(({ runs }) => runs);
  const spared = new Set(living.flatMap(({ runName, traces }) => [runName, ...traces]));

  for (const { folder, alive, runs, folders } of workers) {
    if (alive) continue;
    for (const record of runs) {
      try {
        const traces = record.traces.filter(trace => !spared.has(trace));
        const processes = (await engine.endLeftovers?.(traces)) ?? 0;
        const files = spared.has(record.runName) ? [] : await removeFiles(record, options);
        await rm(record.file, { force: true });
        tell({ type: 'leftovers-removed', run: record.runName, processes, files });
      } catch (err) {
        tell({ type: 'leftovers-stay', run: record.runName, err });
      }
    }
    // What can not be removed is tried again by the next start.
    for (const each of folders) await removeFolder(each).catch(() => undefined);
    forget(folder);
    // While a record is left, so is what tells that its worker is dead: nothing.
    await rm(`${folder}.alive`, { force: true });
  }
}

/** The run's folder, and what lies beside it under the same name; its log may also be among the machine's temporary files. */
async function removeFiles({ runName }: Record, options: LeftoversOptions): Promise<string[]> {
  const removed: string[] = [];
  const remove = async (path: string, how: (path: string) => Promise<void>) => {
    await how(path);
    removed.push(path);
  };
  for (const name of await readdir(options.tasksDir)) {
    const path = `${options.tasksDir}/${name}`;
    if (name === runName && options.folders) await remove(path, removeFolder);
    if (name.startsWith(`${runName}.`) && (await isOwnFile(path))) await remove(path, removeFile);
  }
  for (const name of [`${runName}.log`, `${runName}.log.gz`]) {
    const path = `${tmpdir()}/${name}`;
    if (await isOwnFile(path)) await remove(path, removeFile);
  }
  return removed;
}

/** Others may put what they like into a folder for temporary files, under any name. */
async function isOwnFile(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isFile() === true && found.uid === process.getuid?.();
}

/** Another start may be removing the same at the same time. */
function removeFile(path: string): Promise<void> {
  return rm(path, { force: true });
}

/** A worker whose records are all gone. */
function forget(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Something could not be removed, or it is gone already.
  }
}
