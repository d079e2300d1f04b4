import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { openCaches } from '../../../src/worker/stores/index.ts';
import { waitFor } from '../../wait-for.ts';
import { onSmallDisk, smallDisks } from '../small-disk.ts';
import { folder, memoryLog, signal } from './caches-under-test.ts';
import { folderOnOtherDevice, otherDevices } from './other-device.ts';

const PROCESS = fileURLToPath(new URL('caches-process.ts', import.meta.url));
const FULL_DISK = fileURLToPath(new URL('full-disk-process.ts', import.meta.url));
const MB = 1024 * 1024;

describe('a worker that is killed while it uses caches', () => {
  const places = [
    ['on one file system', folder],
    ...(otherDevices ? [['across file systems', async () => folderOnOtherDevice()] as const] : []),
  ] as const;

  it.each(places)('leaves only caches that were properly returned, %s', async (_, place) => {
    const tasks = await folder();
    const dir = join(await place(), 'caches');
    let found = 0;
    for (let death = 0; death < 5; death++) {
      const child = spawn(process.execPath, [PROCESS, dir, tasks], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      await sleep(Math.random() * 30);
      child.kill('SIGKILL');
      await once(child, 'exit');

      const caches = await openCaches(dir, { capacity: 2, emit: () => undefined });
      const unused = caches.unused();
      found += unused.length;
      expect(unused.length).toBeLessThanOrEqual(6);
      const after = join(await folder(), 'after');
      await mkdir(after);
      const log = memoryLog();
      for (const [number, { description }] of unused.entries()) {
        const name = description.replace('cache ', '');
        const cache = await caches.take(name, join(after, String(number)), { log, signal });
        expect(cache.isNew).toBe(false);
        const [one, two] = await Promise.all([
          readFile(join(cache.path, 'one'), 'utf8'),
          readFile(join(cache.path, 'deep/er/two'), 'utf8'),
        ]);
        expect(one).toBe(two);
        await cache.keep(signal);
      }
      await caches[Symbol.asyncDispose]();
      // Nothing remains that is missing from the lists.
      await waitFor(async () => {
        const names = (await readdir(dir)).filter(name => /^(cache|gone)-/.test(name));
        expect(names).toHaveLength(unused.length);
      });
    }
    expect(found).toBeGreaterThan(0);
  });
});

describe.runIf(smallDisks)('a full file system', () => {
  const use = async (which: 'caches' | 'tasks' | 'both') => {
    const small = await folder();
    const large = await folder();
    const [dir, tasks] = [
      join(which === 'tasks' ? large : small, 'caches'),
      join(which === 'caches' ? large : small, 'tasks'),
    ];
    const script = `mkdir -p "$1" "$2" && exec "${process.execPath}" "${FULL_DISK}" "$@"`;
    const program = ['sh', '-c', script, 'sh', dir, tasks, String(2 * MB), join(small, 'ballast')];
    const { stdout } = await execa(...onSmallDisk(small, 6 * MB, program));
    return JSON.parse(stdout) as Record<string, unknown> & { lines: string[] };
  };

  it('for caches lets the task succeed, and loses the cache', async () => {
    const { lines, ...rest } = await use('caches');
    expect(lines).toContain('[mounts] Could not preserve cache x: this machine has run out of disk space');
    // A cache that cannot be written leaves nothing behind. A list that cannot be written is reported.
    expect(rest).toMatchObject({
      keptOnFullDisk: 0,
      leftInFull: 0,
      keptWithRoom: 1,
      isNew: false,
      whole: true,
    });
    // The cache is moved to a disk with room.
    expect(rest.outcome).toBe('taken');
  });

  it('for tasks keeps the cache for a time with more space', async () => {
    const { outcome, ...rest } = await use('tasks');
    expect(rest).toMatchObject({ keptOnFullDisk: 1, keptWithRoom: 1, isNew: false, whole: true });
    expect(outcome).toBe('disk space');
  });

  it('for both does not prevent moving caches', async () => {
    const { told, ...rest } = await use('both');
    expect(rest).toMatchObject({ keptOnFullDisk: 1, keptWithRoom: 1, isNew: false, whole: true });
    expect(told).toContain('caches-not-written-down');
  });
});
