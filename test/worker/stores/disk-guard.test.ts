import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { diskGuard } from '../../../src/worker/stores/disk-guard.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';

const MB = 1024 ** 2;
const GB = 1024 ** 3;

/** A disk, and a guard that requires 10 GB at the start of tasks. Below 2.5 GB it is low, below 512 MB critical. */
function guarded(requiredBytes = 10 * GB) {
  fakeTimers();
  const disk = { free: 20 * GB, unused: 0, collections: 0, looks: 0, collectorHangs: false };
  const sizes: Record<string, number> = {};
  const stopped: Record<string, string> = {};
  const uploading = new Set<string>();
  const guard = diskGuard({
    folder: '/tasks',
    requiredBytes,
    collector: {
      makeRoom: async () => {
        disk.collections++;
        if (disk.collectorHangs) return new Promise(() => undefined);
        disk.free += disk.unused;
        disk.unused = 0;
        return disk.free >= requiredBytes;
      },
    },
    measure: async folder => {
      disk.looks++;
      return { folder, device: 1, freeBytes: disk.free, totalBytes: 100 * GB };
    },
    usage: async folder => sizes[folder] ?? 0,
  });
  const enter = (folder: string) => {
    const stop = (message: string) => {
      if (uploading.has(folder)) return false;
      stopped[folder] = message;
      return true;
    };
    const engineBytes = async () => sizes[`${folder} in its container`] ?? 0;
    const left = guard.enter({ folders: [folder, `${folder}.tmp`], engineBytes, stop });
    onTestFinished(() => {
      left[Symbol.dispose]();
    });
    return left;
  };
  return { disk, sizes, stopped, uploading, enter };
}

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('a task that fills the disk', () => {
  it('is stopped with a clear error', async () => {
    const { disk, stopped, enter } = guarded();
    enter('/tasks/a');
    await after(5_000);
    disk.free = 3 * GB;
    await after(5_000);
    expect([stopped, disk.collections]).toEqual([{}, 0]);
    disk.free = 500 * MB;
    await after(1_000);
    expect(stopped).toEqual({ '/tasks/a': 'task aborted due to lack of disk space: 500.00 MiB were left' });
  });

  it('is found even if only its container has grown', async () => {
    const { disk, sizes, stopped, enter } = guarded();
    enter('/tasks/a');
    enter('/tasks/b');
    disk.free = 2 * GB;
    await after(1_000);
    sizes['/tasks/b in its container'] = 2 * GB;
    disk.free = 100 * MB;
    await after(1_000);
    expect(Object.keys(stopped)).toEqual(['/tasks/b']);
  });

  it('continues if enough can be removed', async () => {
    const { disk, stopped, enter } = guarded();
    enter('/tasks/a');
    disk.unused = 9 * GB;
    disk.free = 100 * MB;
    await after(1_000);
    expect([stopped, disk.collections, disk.free]).toEqual([{}, 1, 9 * GB + 100 * MB]);
  });

  it('is stopped even while removing other things takes long', async () => {
    const { disk, stopped, enter } = guarded();
    disk.collectorHangs = true;
    enter('/tasks/a');
    disk.free = 0;
    await after(12_000);
    expect(stopped).toEqual({ '/tasks/a': 'task aborted due to lack of disk space: 0 bytes were left' });
  });

  it('is identified by the growth of its folder', async () => {
    const { disk, sizes, stopped, enter } = guarded();
    enter('/tasks/large');
    enter('/tasks/filling');
    Object.assign(sizes, { '/tasks/large': 50 * GB, '/tasks/filling': GB });
    disk.free = 2 * GB;
    await after(2_000);
    Object.assign(sizes, { '/tasks/large': 50 * GB, '/tasks/filling': 2.5 * GB });
    disk.free = 0.25 * GB;
    await after(1_000);
    expect(stopped).toEqual({
      '/tasks/filling':
        'task aborted due to lack of disk space: 256.00 MiB were left, and the folder of this task holds 2.50 GiB',
    });
  });

  it('is identified by the growth of its temporary files, too', async () => {
    const { disk, sizes, stopped, enter } = guarded();
    enter('/tasks/innocent');
    enter('/tasks/filling');
    disk.free = 2 * GB;
    await after(2_000);
    Object.assign(sizes, { '/tasks/innocent': 1, '/tasks/filling.tmp': 1.5 * GB });
    disk.free = 0.25 * GB;
    await after(1_000);
    expect(Object.keys(stopped)).toEqual(['/tasks/filling']);
  });

  it('is assumed to be the largest if none has grown', async () => {
    const { disk, sizes, stopped, enter } = guarded();
    for (const name of ['a', 'b', 'c']) enter(`/tasks/${name}`);
    Object.assign(sizes, { '/tasks/a': GB, '/tasks/b': 3 * GB, '/tasks/c': 2 * GB });
    disk.free = 0;
    await after(1_000);
    expect(Object.keys(stopped)).toEqual(['/tasks/b']);
  });

  it('is assumed to be another one if the commands of the largest have ended', async () => {
    const { disk, sizes, stopped, uploading, enter } = guarded();
    for (const name of ['a', 'b', 'c']) enter(`/tasks/${name}`);
    Object.assign(sizes, { '/tasks/a': GB, '/tasks/b': 3 * GB, '/tasks/c': 2 * GB });
    uploading.add('/tasks/b');
    disk.free = 0;
    await after(60_000);
    expect(Object.keys(stopped)).toEqual(['/tasks/c']);
  });

  it('is followed by another one only if it has ended and the disk is still full', async () => {
    const { disk, sizes, stopped, enter } = guarded();
    const first = enter('/tasks/a');
    const second = enter('/tasks/b');
    enter('/tasks/c');
    Object.assign(sizes, { '/tasks/a': 3 * GB, '/tasks/b': 2 * GB });
    disk.free = 0;
    await after(60_000);
    expect(Object.keys(stopped)).toEqual(['/tasks/a']);
    first[Symbol.dispose]();
    await after(5_000);
    expect(Object.keys(stopped)).toEqual(['/tasks/a']);
    await after(10_000);
    expect(Object.keys(stopped)).toEqual(['/tasks/a', '/tasks/b']);
    second[Symbol.dispose]();
    disk.free = 20 * GB;
    await after(60_000);
    expect(Object.keys(stopped)).toHaveLength(2);
  });

  it('is looked for only while there are runs, and if free space is required', async () => {
    const { disk, enter } = guarded();
    await after(10_000);
    expect(disk.looks).toBe(0);
    enter('/tasks/a')[Symbol.dispose]();
    await after(2_000);
    const { looks } = disk;
    await after(60_000);
    expect(disk.looks).toBe(looks);
    const off = guarded(0);
    off.enter('/tasks/a');
    off.disk.free = 0;
    await after(10_000);
    expect([off.stopped, off.disk.looks]).toEqual([{}, 0]);
  });
});
