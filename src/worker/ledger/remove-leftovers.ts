import { lstat, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename } from 'node:path';
import type { Engine } from '../engines/engine.ts';
import type { Tell } from '../events.ts';
import { removeFolder } from '../files/remove-folder.ts';
import { isAlive, lifeOf } from '../engines/processes/index.ts';
import type { Ledger } from './ledger.ts';
import { readRecords, type Record, type Records } from './records.ts';

/** After so long (ms), what is left is for the next start: tasks are waiting. */
const PATIENCE_MS = 60_000;

export interface LeftoversOptions {
  readonly tasksDir: string;
  /** Whether the folders of runs go too, or only their logs and temporary files. */
  readonly folders: boolean;
  readonly engines: readonly Pick<Engine, 'endLeftovers'>[];
  readonly tell: Tell;
}

/**
 * Removes what workers with the same tasksDir left when they died without warning: the processes of their runs, their
 * folders, logs and temporary files. What a living worker has written down is left alone, and so is everything of a worker
 * of which nothing tells that it is dead. Never errors: what could not be removed is said in the log, and tried again at
 * the next start.
 */
export async function removeLeftovers(ledger: Ledger, options: LeftoversOptions): Promise<void> {
  const { tasksDir, tell } = options;
  const workers = readRecords(ledger.folder);
  for (const { folder, alive, runs } of workers) {
    const err = new Error(
      `nothing tells whether the worker of ${folder} is alive; if it is not, remove that by hand`,
    );
    if (alive === undefined)
      for (const { runName } of runs) tell({ type: 'leftovers-stay', run: runName, err });
  }
  const dead = workers.filter(({ alive }) => alive === false);
  if (dead.length === 0) return;
  const others = workers.filter(({ alive }) => alive !== false);
  const spared = new Set(others.flatMap(({ runs }) => runs.map(({ runName }) => runName)));
  const names = await readdir(tasksDir).catch(() => []);
  const end = performance.now() + PATIENCE_MS;
  for (const worker of dead) {
    if (!(await removeAll(worker, { ...options, spared, names, end }))) return;
  }
}

interface Leftovers extends LeftoversOptions {
  /** The runs whose files are another worker's. */
  readonly spared: ReadonlySet<string>;
  /** Of all that is in tasksDir. */
  readonly names: readonly string[];
  /** A time of the monotonic clock. */
  readonly end: number;
}

/** @returns whether there is time for another worker's */
async function removeAll({ folder, runs }: Records, leftovers: Leftovers): Promise<boolean> {
  const { engines, spared, tell, end } = leftovers;
  let isLeft = false;
  const worker = lifeOf(basename(folder));
  // Of a process in another container the kernel tells nothing; that this worker is dead, its sign of life has told.
  const isOfDead = (trace: string) => !(isAlive(trace) ?? lifeOf(trace) !== worker);
  for (const record of runs) {
    const { runName } = record;
    try {
      if (performance.now() > end) throw new Error('there is no time left; the next start tries again');
      // A trace begins with the word of the worker that made it, wherever a task may have written or moved it to.
      if (!record.traces.every(isOfDead)) {
        throw new Error('a trace in its record is not of a dead worker');
      }
      let processes = 0;
      for (const engine of engines) processes += (await engine.endLeftovers?.(record.traces)) ?? 0;
      const files = spared.has(runName) ? [] : await removeFiles(record, leftovers);
      await removeFolder(record.file);
      tell({ type: 'leftovers-removed', run: runName, processes, files });
    } catch (err) {
      tell({ type: 'leftovers-stay', run: runName, err });
      if (performance.now() > end) return false;
      isLeft = true;
    }
  }
  if (isLeft) return true;
  // Whatever else a task has put there goes too; the sign goes last. What stays is tried again by the next start.
  const isGone = await removeFolder(folder).then(
    () => true,
    () => false,
  );
  if (isGone) await removeFolder(`${folder}.alive`).catch(() => undefined);
  return true;
}

/** The run's folder, and what lies beside it under the same name; its log may also be among the machine's temporary files. */
async function removeFiles({ runName, ino }: Record, leftovers: Leftovers): Promise<string[]> {
  const { tasksDir, folders, names } = leftovers;
  const removed: string[] = [];
  const made = ino === undefined ? undefined : { ino };
  if (folders && names.includes(runName)) {
    await removeFolder(`${tasksDir}/${runName}`, made);
    removed.push(`${tasksDir}/${runName}`);
  }
  const beside = names.filter(name => name.startsWith(`${runName}.`)).map(name => `${tasksDir}/${name}`);
  const temporary = [`${runName}.log`, `${runName}.log.gz`].map(name => `${tmpdir()}/${name}`);
  // The run's folder for temporary files lies beside it; among the machine's temporary files a run has no folder.
  const own = [
    ...(await Promise.all(beside.map(path => isOwn(path, ['isFile', 'isDirectory'])))),
    ...(await Promise.all(temporary.map(path => isOwn(path, ['isFile'])))),
  ];
  for (const [i, path] of [...beside, ...temporary].entries()) {
    if (!own[i]) continue;
    await removeFolder(path);
    removed.push(path);
  }
  return removed;
}

/** Others may put what they like into a folder for temporary files, under any name. */
async function isOwn(path: string, kinds: readonly ('isFile' | 'isDirectory')[]): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.uid === process.getuid?.() && kinds.some(kind => found?.[kind]());
}
