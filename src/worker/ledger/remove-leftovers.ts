import { lstat, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename } from 'node:path';
import type { Engine } from '../engines/engine.ts';
import type { Emit } from '../events.ts';
import { removeFolder } from '../files/remove-folder.ts';
import { isAlive, lifeOf } from '../engines/processes/index.ts';
import type { Ledger } from './ledger.ts';
import { readRecords, type Record, type Records } from './records.ts';

/** After this time (ms), remaining leftovers are left to the next start, because tasks are waiting. */
const PATIENCE_MS = 60_000;

export interface LeftoversOptions {
  readonly tasksDir: string;
  /** Whether the folders of runs are removed as well, or only their logs and temporary files. */
  readonly folders: boolean;
  readonly engines: readonly Pick<Engine, 'endLeftovers'>[];
  readonly emit: Emit;
}

/**
 * Removes what crashed workers with the same tasksDir left: the processes of their runs, their folders, logs
 * and temporary files. Nothing of a living worker is touched, nor of a worker of which it is unknown whether it
 * lives. Never errors: leftovers that cannot be removed are logged, and tried again at the next start.
 */
export async function removeLeftovers(ledger: Ledger, options: LeftoversOptions): Promise<void> {
  const { tasksDir, emit } = options;
  const workers = readRecords(ledger.folder);
  for (const { folder, alive, runs } of workers) {
    const err = new Error(
      `it is unknown whether the worker of ${folder} is alive; if it is dead, remove that folder by hand`,
    );
    if (alive === undefined)
      for (const { runName } of runs) emit({ type: 'leftovers-stay', run: runName, err });
  }
  const dead = workers.filter(({ alive }) => alive === false);
  if (dead.length === 0) return;
  const others = workers.filter(({ alive }) => alive !== false);
  const inUse = new Set(others.flatMap(({ runs }) => runs.map(({ runName }) => runName)));
  const names = await readdir(tasksDir).catch(() => []);
  const end = performance.now() + PATIENCE_MS;
  for (const worker of dead) {
    if (!(await removeAll(worker, { ...options, inUse, names, end }))) return;
  }
}

interface Leftovers extends LeftoversOptions {
  /** Runs whose files belong to another worker. */
  readonly inUse: ReadonlySet<string>;
  /** The names of everything in tasksDir. */
  readonly names: readonly string[];
  /** A time of the monotonic clock. */
  readonly end: number;
}

/** @returns whether there is time for another worker's leftovers */
async function removeAll({ folder, runs }: Records, leftovers: Leftovers): Promise<boolean> {
  const { engines, inUse, emit, end } = leftovers;
  let isLeft = false;
  const worker = lifeOf(basename(folder));
  // The kernel says nothing about processes in another container. There the sign of life has shown that this
  // worker is dead.
  const isOfDead = (trace: string) => !(isAlive(trace) ?? lifeOf(trace) !== worker);
  for (const record of runs) {
    const { runName } = record;
    try {
      if (performance.now() > end) throw new Error('no time is left; the next start tries again');
      // A trace begins with the word of the worker that made it, wherever a task may have written or moved it.
      if (!record.traces.every(isOfDead)) {
        throw new Error('a trace in its record is not of a dead worker');
      }
      let processes = 0;
      for (const engine of engines) processes += (await engine.endLeftovers?.(record.traces)) ?? 0;
      const files = inUse.has(runName) ? [] : await removeFiles(record, leftovers);
      await removeFolder(record.file);
      emit({ type: 'leftovers-removed', run: runName, processes, files });
    } catch (err) {
      emit({ type: 'leftovers-stay', run: runName, err });
      if (performance.now() > end) return false;
      isLeft = true;
    }
  }
  if (isLeft) return true;
  // Anything else that a task has put there is removed as well. The sign goes last. The next start removes the
  // rest.
  const isGone = await removeFolder(folder).then(
    () => true,
    () => false,
  );
  if (isGone) await removeFolder(`${folder}.alive`).catch(() => undefined);
  return true;
}

/**
 * Removes the run's folder and the files beside it with the same name. Its log may also be in the machine's
 * folder for temporary files.
 */
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
  // The run's folder for temporary files is beside it. In the machine's own one, a run has no folder.
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

/** Others may put anything into a folder for temporary files, under any name. */
async function isOwn(path: string, kinds: readonly ('isFile' | 'isDirectory')[]): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.uid === process.getuid?.() && kinds.some(kind => found?.[kind]());
}
