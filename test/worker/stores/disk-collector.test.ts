import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WorkerEvent } from '../../../src/worker/index.ts';
import type { DiskSpace } from '../../../src/worker/stores/disk-space.ts';
import { diskUsage } from '../../../src/worker/stores/disk-usage.ts';
import { watchDisk } from '../../../src/worker/stores/disk-watch.ts';
import { diskCollector, diskSpace, type Store } from '../../../src/worker/stores/index.ts';
import { folder, signal } from './caches-under-test.ts';

/** Disks by the first part of a path. Sizes in bytes. */
type Disks = Record<string, { free: number; total: number }>;

interface ModelEntry {
  readonly name: string;
  readonly bytes: number;
  readonly lastUsedMs: number;
  /** The result of its removal. */
  readonly how?: 'fails' | 'in use';
}

function collecting(disks: Disks, requiredBytes: number, patienceMs?: number) {
  const events: WorkerEvent[] = [];
  const measured: string[] = [];
  const diskOf = (path: string) => disks[path.split('/')[1] ?? ''] ?? { free: 0, total: 0 };
  const measure = async (path: string): Promise<DiskSpace> => {
    measured.push(path);
    const { free, total } = diskOf(path);
    return {
      folder: path,
      device: Object.values(disks).indexOf(diskOf(path)),
      freeBytes: free,
      totalBytes: total,
    };
  };
  const collector = diskCollector({
    tasksDir: '/a/tasks',
    requiredBytes,
    emit: item => void events.push(item),
    measure,
    ...(patienceMs !== undefined && { patienceMs }),
  });
  const removed: string[] = [];
  const store = (path: string, entries: ModelEntry[]): Store => ({
    folder: path,
    unused: () =>
      entries
        .filter(({ name }) => !removed.includes(name))
        .map(({ name, bytes, lastUsedMs, how }) => ({
          lastUsedMs,
          description: name,
          remove: async () => {
            if (how === 'fails') throw new Error('cannot');
            if (how === 'in use') return false;
            removed.push(name);
            diskOf(path).free += bytes;
            return true;
          },
        })),
  });
  return { collector, events, removed, store, measured };
}

describe('the collection of unused entries', () => {
  it('logs what each store holds, with the sizes that are known', () => {
    const { collector } = collecting({ a: { free: 10, total: 1_000 } }, 100);
    const remove = () => Promise.resolve(true);
    const entry = { lastUsedMs: 1, description: 'x', remove };
    collector.add({
      folder: '/a/downloads',
      unused: () => [{ ...entry, bytes: 60 }, { ...entry, bytes: 40 }, entry],
    });
    collector.add({ folder: '/a/caches', unused: () => [] });
    expect(collector.kept()).toEqual([
      { folder: '/a/downloads', entries: 3, bytes: 100 },
      { folder: '/a/caches', entries: 0, bytes: 0 },
    ]);
  });

  it('removes the oldest entries of all stores, and only as many as needed', async () => {
    const disks = { a: { free: 10, total: 1_000 } };
    const { collector, store, removed, events } = collecting(disks, 100);
    collector.add(
      store('/a/caches', [
        { name: 'cache 3', bytes: 60, lastUsedMs: 3 },
        { name: 'cache 1', bytes: 20, lastUsedMs: 1 },
      ]),
    );
    collector.add(
      store('/a/downloads', [
        { name: 'download 2', bytes: 30, lastUsedMs: 2 },
        { name: 'download 4', bytes: 500, lastUsedMs: 4 },
      ]),
    );
    expect(await collector.shortages()).toMatchObject([
      { folder: '/a/tasks', freeBytes: 10, requiredBytes: 100 },
    ]);
    expect(await collector.makeRoom()).toBe(true);
    expect(removed).toEqual(['cache 1', 'download 2', 'cache 3']);
    expect(events).toMatchObject([
      {
        type: 'store-entry-removed',
        description: 'cache 1',
        folder: '/a/caches',
        freedBytes: 20,
        freeBytes: 30,
      },
      { type: 'store-entry-removed', description: 'download 2', freedBytes: 30, freeBytes: 60 },
      { type: 'store-entry-removed', description: 'cache 3', freedBytes: 60, freeBytes: 120 },
    ]);
    expect(await collector.makeRoom()).toBe(true);
    expect(removed).toHaveLength(3);
  });

  it('reports when there is not enough to remove, and skips entries that cannot be removed', async () => {
    const disks = { a: { free: 0, total: 1_000 } };
    const { collector, store, removed, events } = collecting(disks, 100);
    collector.add(
      store('/a/caches', [
        { name: 'stuck', bytes: 99, lastUsedMs: 1, how: 'fails' },
        { name: 'used', bytes: 99, lastUsedMs: 2, how: 'in use' },
        { name: 'small', bytes: 5, lastUsedMs: 3 },
      ]),
    );
    expect(await collector.makeRoom()).toBe(false);
    expect(removed).toEqual(['small']);
    expect(events.map(({ type }) => type)).toEqual(['store-entry-stays', 'store-entry-removed']);
  });

  it('handles each file system, and removes nothing if there is enough space', async () => {
    const disks = {
      a: { free: 500, total: 1_000 },
      b: { free: 0, total: 1_000 },
      small: { free: 3, total: 10 },
    };
    const { collector, store, removed } = collecting(disks, 100);
    collector.add(store('/a/caches', [{ name: 'a', bytes: 1, lastUsedMs: 1 }]));
    collector.add(
      store('/b/downloads', [
        { name: 'b1', bytes: 70, lastUsedMs: 2 },
        { name: 'b2', bytes: 70, lastUsedMs: 3 },
        { name: 'b3', bytes: 70, lastUsedMs: 4 },
      ]),
    );
    // On a small file system, half of it is enough.
    collector.add(
      store('/small/images', [
        { name: 's1', bytes: 2, lastUsedMs: 5 },
        { name: 's2', bytes: 2, lastUsedMs: 6 },
      ]),
    );
    expect(await collector.makeRoom()).toBe(true);
    expect(removed).toEqual(['b1', 'b2', 's1']);
  });

  it('measures nothing if no free space is required', async () => {
    const { collector, measured } = collecting({ a: { free: 0, total: 0 } }, 0);
    expect(await collector.makeRoom()).toBe(true);
    expect(measured).toEqual([]);
  });

  it('runs once for all simultaneous callers, and takes a bounded time', async () => {
    const disks = { a: { free: 0, total: 1_000 } };
    const { collector, store, removed } = collecting(disks, 100, 20);
    const slow = store('/a/x', [
      { name: '1', bytes: 1, lastUsedMs: 1 },
      { name: '2', bytes: 1, lastUsedMs: 2 },
    ]);
    collector.add({
      ...slow,
      unused: () =>
        slow.unused().map(entry => ({
          ...entry,
          remove: async () => {
            await new Promise(resolve => setTimeout(resolve, 40));
            return entry.remove();
          },
        })),
    });
    expect(await Promise.all([collector.makeRoom(), collector.makeRoom()])).toEqual([false, false]);
    expect(removed).toEqual(['1']);
  });

  it('never removes a newer entry before an older one on the same file system', async () => {
    const entry = fc.record({
      bytes: fc.nat(50),
      lastUsedMs: fc.nat(20),
      how: fc.constantFrom(undefined, undefined, undefined, 'fails' as const, 'in use' as const),
    });
    const run = async (
      stores: (typeof entry extends fc.Arbitrary<infer E> ? E : never)[][],
      free: number,
      required: number,
    ) => {
      const { collector, store, removed } = collecting({ a: { free, total: 10_000 } }, required);
      const all = stores.map((entries, s) =>
        entries.map(({ how, ...rest }, e) => ({ ...rest, name: `${s}.${e}`, ...(how && { how }) })),
      );
      for (const entries of all) collector.add(store('/a/x', entries));
      const enough = await collector.makeRoom();
      const found = removed.map(name => all.flat().find(each => each.name === name));
      const times = found.map(each => each?.lastUsedMs ?? -1);
      expect(times).toEqual(times.toSorted((x, y) => x - y));
      const sum = found.reduce((total, each) => total + (each?.bytes ?? 0), free);
      expect(enough).toBe(sum >= required);
      const rest = all.flat().filter(({ name, how }) => !how && !removed.includes(name));
      if (!enough) expect(rest).toEqual([]);
      // The last removal was necessary.
      const last = found.at(-1);
      if (last) expect(sum - last.bytes).toBeLessThan(required);
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(entry, { maxLength: 6 }), { maxLength: 3 }),
        fc.nat(100),
        fc.nat(300),
        run,
      ),
    );
  });
});

describe('the monitoring of free space', () => {
  /** What a watch does when its checks find these amounts of free space. */
  async function watched(frees: (number | Error)[], onLow: () => void = () => undefined) {
    const stop = new AbortController();
    const done: string[] = [];
    const left = [...frees];
    await watchDisk({
      folder: '/a',
      lowBytes: 100,
      criticalBytes: 10,
      signal: stop.signal,
      measure: async () => {
        const free = left.shift();
        if (left.length === 0) stop.abort();
        if (typeof free === 'object') throw free;
        return { folder: '/a', device: 1, freeBytes: free ?? 0, totalBytes: 1_000 };
      },
      wait: async ms => void done.push(`wait ${Math.round(ms)}`),
      onLow: async ({ freeBytes }) => {
        done.push(`low ${freeBytes}`);
        onLow();
      },
      onCritical: async ({ freeBytes }) => void done.push(`critical ${freeBytes}`),
    });
    return done;
  }

  it('first removes unused entries, and then stops what fills the disk', async () => {
    expect(await watched([500, 50, 200, 50, 9, 9, 4, 300, 1_000])).toEqual([
      'wait 50',
      'low 50',
      'wait 50',
      'low 50',
      'critical 9',
      'wait 50',
      'low 9',
      'critical 4',
      'wait 50',
      'wait 50',
      'wait 50',
    ]);
  });

  it('continues after a failed measurement', async () => {
    expect(await watched([new Error('EIO'), 5, new Error('EIO'), 500, 1])).toEqual([
      'wait 1000',
      'low 5',
      'wait 1000',
      'wait 50',
      'wait 50',
    ]);
  });

  it('measures more often the fuller the disk is', async () => {
    const GIB = 1024 ** 3;
    expect(await watched([100 * GIB, 2 * GIB, GIB, GIB / 100, 500])).toEqual([
      'wait 1000',
      'wait 500',
      'wait 250',
      'wait 50',
      'wait 50',
    ]);
  });

  it('ends with its signal, even while it waits', async () => {
    const stop = new AbortController();
    const watching = watchDisk({
      folder: await folder(),
      lowBytes: 0,
      criticalBytes: 0,
      signal: stop.signal,
      onLow: () => Promise.reject(new Error('not low')),
      onCritical: () => Promise.reject(new Error('not critical')),
    });
    setTimeout(() => {
      stop.abort();
    }, 10);
    await watching;
  });
});

describe('the measured space of a disk', () => {
  it('is that of a folder that does not exist yet', async () => {
    const here = await folder();
    const [existing, missing] = [await diskSpace(here), await diskSpace(join(here, 'not', 'yet'))];
    expect(missing.device).toBe(existing.device);
    expect(existing.totalBytes).toBeGreaterThan(existing.freeBytes);
    expect(existing.freeBytes).toBeGreaterThan(0);
  });

  it('of a single folder is the sum of its files', async () => {
    const here = await folder();
    const empty = await diskUsage(here);
    await mkdir(join(here, 'deep/er'), { recursive: true });
    for (let i = 0; i < 100; i++) await writeFile(join(here, 'deep', String(i)), Buffer.alloc(10_000, 1));
    await writeFile(join(here, 'deep/er/large'), Buffer.alloc(5_000_000, 1));
    const { bytes, isComplete } = await diskUsage(here);
    expect(isComplete).toBe(true);
    expect(bytes - empty.bytes).toBeGreaterThanOrEqual(6_000_000);
    expect(bytes - empty.bytes).toBeLessThan(7_000_000);
    expect(await diskUsage(here, { maxEntries: 10 })).toMatchObject({ isComplete: false });
    expect(await diskUsage(here, { signal: AbortSignal.abort() })).toMatchObject({ isComplete: false });
    expect(await diskUsage(join(here, 'missing'))).toEqual({ bytes: 0, isComplete: false });
    expect(signal.aborted).toBe(false);
  });
});
