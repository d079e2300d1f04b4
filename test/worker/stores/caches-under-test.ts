import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { WorkerEvent } from '../../../src/worker/index.ts';
import {
  openCaches,
  type Caches,
  type CachesOptions,
  type TakenCache,
} from '../../../src/worker/stores/index.ts';

export const signal = new AbortController().signal;

/** Makes a folder that is removed after the test. */
export async function folder(): Promise<string> {
  const made = await realpath(await mkdtemp(join(tmpdir(), 'tcw-stores-')));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** A task's log in memory. */
export function memoryLog() {
  const lines: string[] = [];
  const write = (level: string) => (message: string) => void lines.push(`${level}${message}`);
  return { lines, info: write(''), warn: write('warn: ') };
}

export interface CachesUnderTest {
  readonly dir: string;
  /** The parent of the runs' folders. */
  readonly tasks: string;
  readonly events: WorkerEvent[];
  readonly log: ReturnType<typeof memoryLog>;
  /** Opens the caches of `dir` as a worker does at its start, and closes the previous ones. */
  readonly open: (options?: Partial<CachesOptions>) => Promise<Caches>;
  /** Takes a cache into the folder of a new run. */
  readonly take: (cacheName: string) => Promise<TakenCache>;
}

export async function cachesUnderTest(
  given: Partial<CachesOptions> & { dir?: string } = {},
): Promise<CachesUnderTest> {
  const home = await folder();
  const { dir = join(home, 'caches'), ...first } = given;
  const tasks = join(home, 'tasks');
  await mkdir(tasks);
  const events: WorkerEvent[] = [];
  const log = memoryLog();
  let caches: Caches | undefined;
  let runs = 0;
  const open = async (options: Partial<CachesOptions> = {}) => {
    await caches?.[Symbol.asyncDispose]();
    caches = await openCaches(dir, {
      capacity: 2,
      emit: item => void events.push(item),
      ...first,
      ...options,
    });
    return caches;
  };
  onTestFinished(() => caches?.[Symbol.asyncDispose]());
  await open();
  return {
    dir,
    tasks,
    events,
    log,
    open,
    take: async cacheName => {
      const target = join(tasks, `run-${++runs}`, 'cache');
      if (!caches) throw new Error('closed');
      return caches.take(cacheName, target, {
        log,
        signal,
        makeParent: () => mkdir(join(target, '..'), { recursive: true }),
      });
    },
  };
}
