import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { TarParser } from '../../../src/worker/unpack/archives/tar-parser.ts';
import { DiskRoom } from '../../../src/worker/unpack/tree/disk-room.ts';
import { TreeWriter } from '../../../src/worker/unpack/tree/tree-writer.ts';
import { tarHeader, tarOf, type TarEntry } from './tar-maker.ts';
import { somePlace, unpackHere } from './unpacked.ts';

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));

/** The content of the sparse archives of fixtures/make.sh. */
function expected(): { two: Buffer; many: Buffer } {
  const two = Buffer.alloc(1_048_576);
  two.write('first', 65_536);
  two.write('second', 524_288);
  const many = Buffer.alloc(41 * 65_536 + 3);
  for (let i = 1; i <= 40; i++) many.write(`part ${i}`, i * 65_536);
  many.write('end', 41 * 65_536);
  return { two, many };
}

describe.each(['0.0', '0.1', '1.0', 'gnu'])("GNU tar's sparse files, form %s", form => {
  it('keep their holes', async () => {
    using place = somePlace();
    const { bytes } = await unpackHere(place, fixture(`sparse-${form}.tar.gz`), 'tar.gz');
    const { two, many } = expected();
    expect(readFileSync(join(place.inside, 'two')).equals(two)).toBe(true);
    expect(readFileSync(join(place.inside, 'many')).equals(many)).toBe(true);
    expect(bytes).toBeLessThan(400_000);
    expect(statSync(join(place.inside, 'two')).blocks * 512).toBeLessThan(two.length);
  });

  it('are an error if they are truncated', async () => {
    const whole = gunzipSync(fixture(`sparse-${form}.tar.gz`));
    for (const length of [600, 1500, 2000, 9000, Math.floor(whole.length / 2)]) {
      using place = somePlace();
      await expect(unpackHere(place, whole.subarray(0, length))).rejects.toMatchObject({
        problem: 'damaged',
      });
    }
  });

  it('may arrive in pieces of any size', async () => {
    const whole = gunzipSync(fixture(`sparse-${form}.tar.gz`));
    for (const size of [1, 13, 511, 513, 10_000]) {
      using place = somePlace();
      const room = new DiskRoom(async () => Infinity, 0);
      using writer = new TreeWriter(place.inside, room);
      const parser = new TarParser(writer);
      for (let at = 0; at < whole.length; at += size) parser.feed(whole.subarray(at, at + size));
      parser.end();
      expect(readFileSync(join(place.inside, 'two')).equals(expected().two)).toBe(true);
      expect(readFileSync(join(place.inside, 'many')).equals(expected().many)).toBe(true);
    }
  });
});

describe('the maps of sparse files', () => {
  const sparse = (pax: Record<string, string>, content = 'content'): TarEntry => ({
    name: 'a',
    content,
    pax,
  });
  const listed = (lines: string, realSize: string, content = 'content') =>
    sparse(
      { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': realSize },
      lines.padEnd(512, '\0') + content,
    );

  it.each([
    ['parts that overlap', sparse({ 'GNU.sparse.size': '100', 'GNU.sparse.map': '0,4,3,3' })],
    ['parts out of order', sparse({ 'GNU.sparse.size': '100', 'GNU.sparse.map': '50,4,3,3' })],
    ['parts after its end', sparse({ 'GNU.sparse.size': '10', 'GNU.sparse.map': '5,7' })],
    ['fewer parts than content', sparse({ 'GNU.sparse.size': '100', 'GNU.sparse.map': '5,3' })],
    ['more parts than content', sparse({ 'GNU.sparse.size': '100', 'GNU.sparse.map': '5,30' })],
    ['half a part', sparse({ 'GNU.sparse.size': '100', 'GNU.sparse.map': '5,7,9' })],
    ['parts that are no numbers', sparse({ 'GNU.sparse.size': '100', 'GNU.sparse.map': '5,x' })],
    ['an impossible size', sparse({ 'GNU.sparse.size': '99999999999999999999', 'GNU.sparse.map': '0,7' })],
    ['a list without an end', listed('9\n1\n', '100')],
    ['a list of nothing', listed('\n', '100')],
    ['a list with another sum', listed('1\n0\n9\n', '100')],
    ['a list with an endless line', listed('1'.repeat(512), '100', '2'.repeat(1024))],
    ['no size', sparse({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' })],
  ])('with %s are an error', async (_what, entry) => {
    using place = somePlace();
    await expect(unpackHere(place, tarOf([entry]))).rejects.toMatchObject({ problem: 'damaged' });
  });

  it('are accepted if they are consistent', async () => {
    using place = somePlace();
    await unpackHere(place, tarOf([listed('2\n2\n3\n10\n4\n', '20'), { name: 'b', content: 'x' }]));
    expect(place.tree()).toEqual({ a: `\0\0con${'\0'.repeat(5)}tent${'\0'.repeat(6)}`, b: 'x' });
  });

  it('need no disk space for holes, however long they are', async () => {
    using place = somePlace();
    const huge = sparse({ 'GNU.sparse.size': String(2 ** 40), 'GNU.sparse.map': '0,7' });
    await unpackHere(place, tarOf([huge]));
    expect(statSync(join(place.inside, 'a')).blocks).toBeLessThan(100);
  });

  it('are refused if the file system does not support such a size', async () => {
    using place = somePlace();
    const huge = sparse({ 'GNU.sparse.size': String(2 ** 52), 'GNU.sparse.map': '0,7' });
    const unpacked = unpackHere(place, tarOf([huge])).then(
      () => 'taken',
      (error: unknown) => (error as { problem?: string }).problem,
    );
    expect(['taken', 'unsafe']).toContain(await unpacked);
  });

  it('of the old format are checked, too', async () => {
    const header = (pairs: readonly [number, number][], size: number) => {
      const block = tarHeader({ name: 'a', type: 'S' }, 7);
      block.write('ustar  \0', 257, 'latin1');
      pairs.forEach(([offset, length], i) => {
        block.write(offset.toString(8).padStart(11, '0'), 386 + 24 * i, 'latin1');
        block.write(length.toString(8).padStart(11, '0'), 398 + 24 * i, 'latin1');
      });
      block.write(size.toString(8).padStart(11, '0'), 483, 'latin1');
      block.fill(' ', 148, 156);
      const sum = block.reduce((total, byte) => total + byte, 0);
      block.write(sum.toString(8).padStart(6, '0'), 148, 'latin1');
      return Buffer.concat([block, Buffer.from('content'.padEnd(512, '\0')), Buffer.alloc(1024)]);
    };
    using place = somePlace();
    await unpackHere(
      place,
      header(
        [
          [2, 3],
          [6, 4],
        ],
        12,
      ),
    );
    expect(place.tree()).toEqual({ a: '\0\0con\0tent\0\0' });
    await expect(unpackHere(place, header([[2, 7]], 5))).rejects.toMatchObject({ problem: 'damaged' });
    await expect(unpackHere(place, header([[2, 6]], 50))).rejects.toMatchObject({ problem: 'damaged' });
  });
});
