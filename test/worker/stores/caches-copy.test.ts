import { execFileSync } from 'node:child_process';
import {
  chmod,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyFolder, type Copied } from '../../../src/worker/stores/caches-copy.ts';
import { waitFor } from '../../wait-for.ts';
import { cachesUnderTest, folder, signal } from './caches-under-test.ts';
import { folderOnOtherDevice, otherDevices } from './other-device.ts';

const nothing = (): Copied => ({ files: 0, bytes: 0, leftOut: 0 });

async function copied(from: string) {
  const to = join(await folder(), 'copy');
  const counts = nothing();
  await copyFolder(from, to, signal, counts);
  return { to, counts };
}

describe('a copy of a folder', () => {
  it('has the same files, modes, times, links and names', async () => {
    const from = await folder();
    await mkdir(join(from, 'deep/er'), { recursive: true });
    await writeFile(join(from, 'file'), 'text');
    await writeFile(join(from, 'deep/program'), '#!/bin/sh\n');
    await chmod(join(from, 'deep/program'), 0o4751);
    await writeFile(join(from, 'deep/er/read-only'), 'x');
    await chmod(join(from, 'deep/er/read-only'), 0o400);
    await symlink('../file', join(from, 'deep/link'));
    await symlink('/etc', join(from, 'outside'));
    await link(join(from, 'file'), join(from, 'deep/second-name'));
    await writeFile(Buffer.concat([Buffer.from(`${from}/`), Buffer.from([0xff, 0xfe, 0x20])]), 'odd');
    await utimes(join(from, 'file'), 1_000_000_000.25, 1_234_567_890.125);
    await chmod(join(from, 'deep/er'), 0o1555);
    await utimes(join(from, 'deep/er'), 5, 6);

    const { to, counts } = await copied(from);
    expect(counts).toEqual({ files: 7, bytes: 4 + 10 + 1 + 3, leftOut: 0 });
    const list = (root: string) =>
      execFileSync('find', ['.', '-printf', '%P %m %s %y %l %n\n'], { cwd: root, encoding: 'latin1' })
        .split('\n')
        // The size of a directory depends on the file system.
        .map(line => line.replace(/ \d+ d /, ' d '))
        .sort();
    expect(list(to)).toEqual(list(from));
    expect((await stat(join(to, 'file'))).mtimeMs).toBe(1_234_567_890_125);
    expect((await stat(join(to, 'deep/er'))).mtimeMs).toBe(6_000);
    expect((await stat(join(to, 'file'))).ino).toBe((await stat(join(to, 'deep/second-name'))).ino);
    expect(await readlink(join(to, 'outside'))).toBe('/etc');
    expect((await lstat(join(to, 'deep/link'))).mtimeMs).toBeCloseTo(
      (await lstat(join(from, 'deep/link'))).mtimeMs,
      2,
    );
    await chmod(join(from, 'deep/er'), 0o700);
    await chmod(join(to, 'deep/er'), 0o700);
  });

  it('omits special files, and does not block on a pipe', async () => {
    const from = await folder();
    execFileSync('mkfifo', [join(from, 'pipe')]);
    await writeFile(join(from, 'file'), '');
    const { to, counts } = await copied(from);
    expect(counts).toEqual({ files: 1, bytes: 0, leftOut: 1 });
    expect(await readdir(to)).toEqual(['file']);
  });

  it('keeps the holes of a sparse file', async () => {
    const from = await folder();
    const file = await open(join(from, 'sparse'), 'wx');
    await file.truncate(300 * 1024 * 1024 + 17);
    await file.write('middle', 100_000_001);
    await file.write('end', 300 * 1024 * 1024);
    await file.close();
    const { to } = await copied(from);
    const { size, blocks } = await stat(join(to, 'sparse'));
    expect(size).toBe(300 * 1024 * 1024 + 17);
    expect(blocks * 512).toBeLessThan(1024 * 1024);
    const copy = await open(join(to, 'sparse'));
    const { buffer } = await copy.read(Buffer.alloc(6), 0, 6, 100_000_001);
    await copy.close();
    expect(buffer.toString()).toBe('middle');
  });

  it('is refused for a file of holes that is too large', async () => {
    const from = await folder();
    const file = await open(join(from, 'sparse'), 'wx');
    await file.truncate(2 ** 42).catch(() => undefined);
    const { size } = await file.stat();
    await file.close();
    if (size === 0) return;
    await expect(copied(from)).rejects.toThrow('most of them holes');
  });

  it('is equal for any content', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.stringMatching(/^[\w ]{1,8}$/),
          fc.oneof(
            fc.uint8Array({ maxLength: 3_000 }),
            // Larger than a piece of a copy.
            fc.nat({ max: 3 * 1024 * 1024 }).map(size => new Uint8Array(size).fill(size)),
          ),
          { maxKeys: 6 },
        ),
        async files => {
          const from = await folder();
          for (const [name, content] of Object.entries(files)) await writeFile(join(from, name), content);
          const { to } = await copied(from);
          expect((await readdir(to)).sort()).toEqual(Object.keys(files).sort());
          for (const [name, content] of Object.entries(files))
            expect(Buffer.compare(await readFile(join(to, name)), content)).toBe(0);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('ends when it is stopped', async () => {
    const from = await folder();
    for (let i = 0; i < 50; i++) await writeFile(join(from, String(i)), 'x');
    const stop = new AbortController();
    const counts = nothing();
    Object.defineProperty(counts, 'files', {
      get: () => 0,
      set: () => {
        stop.abort(new Error('canceled'));
      },
    });
    const to = join(await folder(), 'copy');
    await expect(copyFolder(from, to, stop.signal, counts)).rejects.toThrow('canceled');
    expect((await readdir(to)).length).toBeLessThan(50);
  });
});

describe.runIf(otherDevices)('a cache on another file system than the task folders', () => {
  it('is copied in and out, which the log mentions', async () => {
    const dir = folderOnOtherDevice();
    const { take, log } = await cachesUnderTest({ dir, progressMs: 1 });
    const first = await take('x');
    for (let i = 0; i < 200; i++) await writeFile(join(first.path, String(i)), 'abc');
    await first.keep(signal);
    await expect(stat(first.path)).rejects.toThrow('ENOENT');
    const second = await take('x');
    expect(second.isNew).toBe(false);
    expect(await readdir(second.path)).toHaveLength(200);
    expect(await readFile(join(second.path, '7'), 'utf8')).toBe('abc');
    // The cache has one owner, and others find nothing of it.
    await waitFor(async () => {
      expect((await readdir(dir)).filter(name => /^(cache|gone)-/.test(name))).toEqual([]);
    });
    const text = log.lines.join('\n');
    expect(text).toMatch(/\[mounts\] Copying .* to .*, since they are on different file systems/);
    expect(text).toMatch(/\[mounts\] Copied \d+ files with \d+ bytes so far/);
    expect(text).toMatch(/\[mounts\] Copied 200 files with 600 bytes in \d+\.\d s$/m);
    await second.keep(signal);
    expect((await take('x')).isNew).toBe(false);
  });

  it('is unchanged if its copy is stopped', async () => {
    const dir = folderOnOtherDevice();
    const { take, tasks, open, log } = await cachesUnderTest({ dir });
    const cache = await take('x');
    for (let i = 0; i < 300; i++) await writeFile(join(cache.path, String(i)), 'abc');
    await cache.keep(signal);
    const caches = await open();
    const stop = new AbortController();
    const target = join(tasks, 'stopped');
    const stopping = {
      warn: log.warn,
      info: (message: string) => {
        if (message.includes('Copying'))
          setImmediate(() => {
            stop.abort(new Error('canceled'));
          });
      },
    };
    await expect(caches.take('x', target, { log: stopping, signal: stop.signal })).rejects.toThrow(
      'canceled',
    );
    await expect(stat(target)).rejects.toThrow('ENOENT');
    const again = await take('x');
    expect(await readdir(again.path)).toHaveLength(300);

    const later = new AbortController();
    const keeping = again.keep(later.signal);
    setImmediate(() => {
      later.abort(new Error('canceled'));
    });
    await expect(keeping).rejects.toThrow('canceled');
    await waitFor(async () => {
      expect((await readdir(dir)).filter(name => /^(cache|gone)-/.test(name))).toEqual([]);
    });
    await expect(stat(again.path)).rejects.toThrow('ENOENT');
  });
});
