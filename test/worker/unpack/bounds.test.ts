import { execa } from 'execa';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { unpackInto, UnpackError, type Progress } from '../../../src/worker/unpack/index.ts';
import { onSmallDisk, smallDisks } from '../small-disk.ts';
import { tarHeader, tarOf } from './tar-maker.ts';
import { somePlace, unpackHere } from './unpacked.ts';
import { zipOf } from './zip-maker.ts';

const MB = 1024 * 1024;

/** A small archive of one file with this many megabytes of zeros. */
function bomb(megabytes: number): Buffer {
  const zeros = zstdCompressSync(Buffer.alloc(16 * MB));
  const header = zstdCompressSync(tarHeader({ name: 'bomb' }, megabytes * MB));
  return Buffer.concat([header, ...Array.from({ length: megabytes / 16 }, () => zeros)]);
}

describe('the free disk space', () => {
  it('limits what is unpacked, minus the reserve', async () => {
    using place = somePlace();
    let free = 300 * MB;
    const asked: number[] = [];
    const found: unknown = await unpackInto(place.archive(bomb(1024)), 'tar.zst', place.inside, {
      signal: new AbortController().signal,
      reserveBytes: 200 * MB,
      freeBytes: async () => {
        asked.push(free);
        const seen = free;
        free -= 40 * MB;
        return seen;
      },
    }).catch((error: unknown) => error);
    expect(found).toBeInstanceOf(UnpackError);
    expect(found).toMatchObject({
      problem: 'disk-full',
      kind: 'resource-unavailable',
      message: 'the disk of this machine would be full before the archive is unpacked',
    });
    expect(asked).toHaveLength(4);
  });

  it('limits empty files and folders, too', async () => {
    using place = somePlace();
    const names = Array.from({ length: 3000 }, (_, i) => ({ name: `f${i}` }));
    let asked = 0;
    const unpacked = unpackHere(place, tarOf(names), 'tar', () => (++asked < 3 ? 4 * MB : 0));
    await expect(unpacked).rejects.toMatchObject({ problem: 'disk-full' });
    expect(readdirSync(place.inside).length).toBeLessThan(3000);
  });

  it('limits zip archives, even with a single file', async () => {
    using place = somePlace();
    let asked = 0;
    const archive = zipOf([{ name: 'bomb', content: Buffer.alloc(64 * MB) }]);
    const unpacked = unpackHere(place, archive, 'zip', () => (++asked < 3 ? 8 * MB : 0));
    await expect(unpacked).rejects.toMatchObject({ problem: 'disk-full' });
  });

  it('is checked before anything is unpacked', async () => {
    using place = somePlace();
    const unpacked = unpackHere(place, tarOf([{ name: 'a' }]), 'tar', () => 0);
    await expect(unpacked).rejects.toMatchObject({ problem: 'disk-full' });
    expect(place.tree()).toEqual({});
  });

  it('counts as insufficient if it cannot be determined', async () => {
    using place = somePlace();
    const unpacked = unpackInto(place.archive(tarOf([{ name: 'a' }])), 'tar', place.inside, {
      signal: new AbortController().signal,
      freeBytes: () => Promise.reject(new Error('nobody can tell')),
    });
    await expect(unpacked).rejects.toThrow('nobody can tell');
  });

  it.runIf(smallDisks)('may run out, with and without a reserve', async () => {
    using place = somePlace();
    place.archive(bomb(256));
    const program = fileURLToPath(new URL('unpack-process.ts', import.meta.url));
    const archive = join(place.path, 'archive');
    for (const [reserve, most] of [
      [0, 20 * MB],
      [8 * MB, 13 * MB],
    ] as const) {
      const words = [process.execPath, program, archive, 'tar.zst', place.inside, String(reserve)];
      const [file, args] = onSmallDisk(place.inside, 20 * MB, words);
      const { stdout } = await execa(file, args);
      const { problem, kind, written } = JSON.parse(stdout) as Record<string, unknown>;
      expect({ problem, kind }).toEqual({ problem: 'disk-full', kind: 'resource-unavailable' });
      expect(written).toBeLessThanOrEqual(most);
      expect(written).toBeGreaterThan(4 * MB);
    }
  });
});

describe('stopping', () => {
  it('ends the work in the middle, and nothing is written afterwards', async () => {
    using place = somePlace();
    const stop = new AbortController();
    const seen: Progress[] = [];
    const unpacked = unpackInto(place.archive(bomb(64 * 1024)), 'tar.zst', place.inside, {
      signal: stop.signal,
      onProgress: progress => {
        seen.push(progress);
        stop.abort(new Error('stopped by the test'));
      },
    });
    await expect(unpacked).rejects.toThrow('stopped by the test');
    expect(seen[0]?.bytes).toBeGreaterThan(0);
    // The file is no longer open, so removing it frees its space.
    rmSync(join(place.inside, 'bomb'));
    expect(place.tree()).toEqual({});
  });

  it('ends work that would never end', async () => {
    using place = somePlace();
    const stop = new AbortController();
    // Entries for existing folders cost nothing, and the archive has millions of them.
    const many = zstdCompressSync(
      Buffer.concat(Array.from({ length: 4096 }, () => tarHeader({ name: 'a', type: '5' }, 0))),
    );
    const endless = Buffer.concat(Array.from({ length: 5000 }, () => many));
    const unpacked = unpackInto(place.archive(endless), 'tar.zst', place.inside, {
      signal: stop.signal,
      onProgress: () => {
        stop.abort(new Error('stopped by the test'));
      },
    });
    await expect(unpacked).rejects.toThrow('stopped by the test');
  });

  it('before the start prevents it', async () => {
    using place = somePlace();
    const signal = AbortSignal.abort(new Error('stopped by the test'));
    const archive = place.archive(tarOf([{ name: 'a' }]));
    await expect(unpackInto(archive, 'tar', place.inside, { signal })).rejects.toThrow('stopped by the test');
    expect(place.tree()).toEqual({});
  });
});

it('lets other work run meanwhile', async () => {
  using place = somePlace();
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  try {
    const archive = tarOf(
      Array.from({ length: 2000 }, (_, i) => ({ name: `d${i % 50}/f${i}`, content: 'x' })),
    );
    await unpackInto(place.archive(archive), 'tar', place.inside, { signal: new AbortController().signal });
  } finally {
    clearInterval(timer);
  }
  expect(turns).toBeGreaterThan(5);
  expect(readdirSync(place.inside)).toHaveLength(50);
});

it('passes errors of the system on', async () => {
  using place = somePlace();
  const signal = new AbortController().signal;
  const archive = place.archive(tarOf([{ name: 'a' }]));
  await expect(unpackInto(join(place.path, 'none'), 'tar', place.inside, { signal })).rejects.toMatchObject({
    code: 'ENOENT',
  });
  await expect(unpackInto(archive, 'tar', join(place.path, 'none'), { signal })).rejects.toMatchObject({
    code: 'ENOENT',
  });
});
