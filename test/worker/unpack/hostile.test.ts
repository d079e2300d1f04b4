import { chmodSync, lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UnpackFault } from '../../../src/worker/unpack/unpack-fault.ts';
import { signed, tarHeader, tarOf, type TarEntry } from './tar-maker.ts';
import { somePlace, unpackHere } from './unpacked.ts';
import { zipOf } from './zip-maker.ts';

/** The expected refusal. On disposal, each place also checks that nothing beside the folder has changed. */
const isUnsafe = { problem: 'unsafe' };
const isDamaged = { problem: 'damaged' };

const file = (name: string, content = 'x'): TarEntry => ({ name, content });
const folder = (name: string): TarEntry => ({ name, type: '5', mode: 0o755 });
const link = (name: string, target: string): TarEntry => ({ name, type: '2', target });
const hardLink = (name: string, target: string): TarEntry => ({ name, type: '1', target });

describe('a name that leads outside the folder', () => {
  it.each([
    '../outside/x',
    '..',
    'a/../../outside/x',
    './../outside/x',
    'a/b/../../../outside/x',
    '/../outside/x',
    'a//..//..//outside/x',
  ])('%s is an error', async name => {
    for (const type of ['0', '5', '2', '1', '7', 'D']) {
      using place = somePlace();
      const entry = { name, type, target: 'a', content: type === '0' ? 'x' : '' };
      await expect(unpackHere(place, tarOf([entry])), type).rejects.toMatchObject(isUnsafe);
    }
    using place = somePlace();
    await expect(unpackHere(place, zipOf([{ name, content: 'x' }]), 'zip')).rejects.toMatchObject(isUnsafe);
    using other = somePlace();
    const windows = zipOf([{ name: name.replaceAll('/', '\\'), content: 'x' }]);
    await expect(unpackHere(other, windows, 'zip')).rejects.toMatchObject(isUnsafe);
  });

  it('may be in an extended header or a long-name entry', async () => {
    const long = { name: 'L', type: 'L', content: '../outside/x\0' };
    for (const entries of [
      [{ ...file('innocent'), pax: { path: '../outside/x' } }],
      [{ ...file('innocent'), pax: { 'GNU.sparse.name': '../outside/x' } }],
      [long, file('innocent')],
    ]) {
      using place = somePlace();
      await expect(unpackHere(place, tarOf(entries))).rejects.toMatchObject(isUnsafe);
    }
  });

  it('that is absolute is treated as relative to the folder', async () => {
    using place = somePlace();
    const name = `${place.path}/outside/secret`.slice(0, 99);
    await unpackHere(place, tarOf([file(name), folder('/')]));
    expect(place.tree()[name.slice(1)]).toBe('x');
    using other = somePlace();
    await unpackHere(other, zipOf([{ name: '/etc/x', content: 'x' }]), 'zip');
    expect(other.tree()).toEqual({ etc: '/', 'etc/x': 'x' });
  });

  it('may be that of the folder itself, which is not changed', async () => {
    for (const name of ['.', './', './/.', '/']) {
      using place = somePlace();
      await expect(unpackHere(place, tarOf([link(name, 'a')]))).rejects.toMatchObject(isUnsafe);
      await expect(unpackHere(place, tarOf([{ name, type: '7' }]))).rejects.toMatchObject(isUnsafe);
      chmodSync(place.inside, 0o751);
      await unpackHere(place, tarOf([{ name, type: '5', mode: 0o777 }]));
      expect(statSync(place.inside).mode & 0o7777).toBe(0o751);
    }
  });
});

describe('an invalid name', () => {
  it('may contain a NUL', async () => {
    using place = somePlace();
    await expect(unpackHere(place, tarOf([{ ...file('a'), pax: { path: 'a\0b' } }]))).rejects.toMatchObject(
      isUnsafe,
    );
    await expect(unpackHere(place, zipOf([{ name: 'a\0b' }]), 'zip')).rejects.toMatchObject(isUnsafe);
    await unpackHere(place, tarOf([{ ...link('a', ''), pax: { linkpath: 'b\0c' } }]));
    expect(place.tree()).toEqual({});
  });

  it('may be too long', async () => {
    for (const path of ['a'.repeat(256), `${'a/'.repeat(3000)}a`, 'ä'.repeat(200), 'a'.repeat(900_000)]) {
      using place = somePlace();
      await expect(unpackHere(place, tarOf([{ ...file('a'), pax: { path } }]))).rejects.toMatchObject(
        isUnsafe,
      );
    }
    using place = somePlace();
    const deep = `${'a/'.repeat(2045)}a`;
    await expect(unpackHere(place, tarOf([{ ...file('a'), pax: { path: deep } }]))).rejects.toThrow(
      /name is longer than the system allows/,
    );
  });

  it('is reported without control characters, and shortened', async () => {
    using place = somePlace();
    const path = `../\u001b[31m\u202e${'b'.repeat(5000)}`;
    const error: unknown = await unpackHere(place, tarOf([{ ...file('a'), pax: { path } }])).catch(
      (thrown: unknown) => thrown,
    );
    const { message } = error as Error;
    expect(message).toContain('"../\\u001b[31m\\u202ebbb');
    expect(message.length).toBeLessThan(400);
  });

  it('need not be valid UTF-8', async () => {
    using place = somePlace();
    const block = tarHeader(file('??', ''), 0);
    block.set([0xff, 0xfe], 0);
    if (process.platform === 'linux') {
      await unpackHere(place, Buffer.concat([signed(block), Buffer.alloc(1024)]));
      expect(
        lstatSync(Buffer.concat([Buffer.from(`${place.inside}/`), Buffer.from([0xff, 0xfe])])).size,
      ).toBe(0);
    }
  });
});

describe('symbolic links', () => {
  it.each([
    ['/etc/passwd', 'a'],
    ['../outside/secret', 'a'],
    ['..', 'a'],
    ['../..', 'a/b'],
    ['b/../../outside', 'a'],
    ['../b/../../outside', 'a/b'],
    ['', 'a'],
  ])('to %s are omitted, and reported', async (target, name) => {
    using place = somePlace();
    const { skipped, skippedLines } = await unpackHere(place, tarOf([link(name, target), file('c')]));
    expect({ skipped, skippedLines }).toEqual({
      skipped: 1,
      skippedLines: [expect.stringContaining('symbolic link')],
    });
    expect(place.tree()).toEqual({ c: 'x' });
    using other = somePlace();
    await unpackHere(other, zipOf([{ name, content: target, mode: 0o120777 }]), 'zip');
    expect(other.tree()).toEqual({});
  });

  it('that stay inside the folder are kept', async () => {
    using place = somePlace();
    const archive = tarOf([
      link('a/up', '../b'),
      link('a/deep/up', '../../b/./c'),
      link('none', 'not/there'),
      link('self', '.'),
      link('top', '../inside'),
      link('a/top', '..'),
      file('b/c'),
    ]);
    const { skippedLines } = await unpackHere(place, archive);
    expect(place.tree()).toEqual({
      a: '/',
      'a/deep': '/',
      'a/deep/up': '-> ../../b/./c',
      'a/top': '-> ..',
      'a/up': '-> ../b',
      b: '/',
      'b/c': 'x',
      none: '-> not/there',
      self: '-> .',
    });
    expect(skippedLines).toEqual([expect.stringMatching(/^"top": /)]);
  });

  it('cannot be combined to lead outside', async () => {
    using place = somePlace();
    const archive = tarOf([
      folder('t'),
      // Leads to t from five folders down. The parent of its target is outside.
      link('p/q/r/s/d', '../../../../t'),
      link('e', 'p/q/r/s/d/../../outside/secret'),
      link('f', 'p/q/r/s/d/..'),
    ]);
    const { skipped } = await unpackHere(place, archive);
    expect(skipped).toBe(2);
    expect(Object.keys(place.tree())).not.toContain('e');
  });

  it('are not followed, wherever they lead', async () => {
    for (const entries of [
      [folder('b'), link('a', 'b'), file('a/x')],
      [folder('b'), link('a', 'b'), folder('a/x')],
      [folder('b'), link('a', 'b'), link('a/x', 'y')],
      [folder('b/c'), link('a', 'b'), file('a/c/x')],
      [file('y'), folder('b'), link('a', 'b'), hardLink('a/x', 'y')],
      [file('b/y'), link('a', 'b'), hardLink('x', 'a/y')],
      // The same name is first a folder and then a link.
      [folder('a'), folder('b'), link('a', 'b'), file('a/x')],
      [folder('a'), link('a', '.'), file('a/x')],
    ]) {
      using place = somePlace();
      await expect(unpackHere(place, tarOf(entries))).rejects.toMatchObject(isUnsafe);
    }
    using place = somePlace();
    const zip = zipOf([
      { name: 'b/', mode: 0o040755 },
      { name: 'a', content: 'b', mode: 0o120777 },
      { name: 'a/x', content: 'x' },
    ]);
    await expect(unpackHere(place, zip, 'zip')).rejects.toMatchObject(isUnsafe);
  });

  it('are replaced by files and folders of the same name, not written through', async () => {
    using place = somePlace();
    const archive = tarOf([
      file('mine', 'mine'),
      folder('dir'),
      link('a', 'mine'),
      file('a', 'new'),
      link('b', 'dir'),
      { ...folder('b'), mode: 0o700 },
      file('b/x'),
    ]);
    await unpackHere(place, archive);
    expect(place.tree()).toEqual({ a: 'new', b: '/', 'b/x': 'x', dir: '/', mine: 'mine' });
  });
});

describe('hard links', () => {
  it('inside the folder are kept', async () => {
    using place = somePlace();
    await unpackHere(
      place,
      tarOf([file('a/b'), hardLink('c', 'a/b'), hardLink('c', './c'), hardLink('d/e', './/c')]),
    );
    expect(lstatSync(join(place.inside, 'a/b')).nlink).toBe(3);
    expect(place.tree()['d/e']).toBe('x');
  });

  it('to targets that are outside or missing are an error', async () => {
    for (const target of ['../outside/secret', 'a/../../outside/secret']) {
      using place = somePlace();
      await expect(unpackHere(place, tarOf([hardLink('a', target)]))).rejects.toMatchObject(isUnsafe);
    }
    for (const target of ['none', '/etc/passwd', 'a']) {
      using place = somePlace();
      await expect(unpackHere(place, tarOf([hardLink('b', target)]))).rejects.toMatchObject(isDamaged);
    }
  });

  it('to folders, and to links that would lead outside from there, are omitted', async () => {
    using place = somePlace();
    const archive = tarOf([
      folder('dir'),
      link('a/b/up', '../../x'),
      hardLink('up', 'a/b/up'),
      hardLink('c', 'dir'),
    ]);
    const { skippedLines } = await unpackHere(place, archive);
    expect(skippedLines).toEqual([expect.stringMatching(/^"up": /), expect.stringMatching(/^"c": /)]);
    expect(place.tree()).toEqual({ a: '/', 'a/b': '/', 'a/b/up': '-> ../../x', dir: '/' });
  });

  it('are separated by a file of the same name, which does not change the other', async () => {
    using place = somePlace();
    await unpackHere(place, tarOf([file('a', 'first'), hardLink('b', 'a'), file('b', 'second')]));
    expect(place.tree()).toEqual({ a: 'first', b: 'second' });
  });
});

describe('entries of the same name', () => {
  it('replace each other', async () => {
    using place = somePlace();
    await unpackHere(
      place,
      tarOf([file('a', '1'), file('a', '2'), folder('a'), file('a', '3'), file('./a', '4')]),
    );
    expect(place.tree()).toEqual({ a: '4' });
  });

  it('do not remove the content of a folder', async () => {
    for (const last of [file('a'), link('a', 'b'), { ...file('a'), type: '7' }]) {
      using place = somePlace();
      await expect(unpackHere(place, tarOf([file('a/b'), last]))).rejects.toMatchObject({
        problem: 'damaged',
        message: expect.stringContaining('a folder that is not empty has its place'),
      });
      expect(place.tree()).toEqual({ a: '/', 'a/b': 'x' });
    }
  });

  it('create nothing below a file', async () => {
    using place = somePlace();
    await expect(unpackHere(place, tarOf([file('a'), file('a/b')]))).rejects.toMatchObject(isDamaged);
  });
});

describe('a special file', () => {
  it.each([
    ['3', 'a device'],
    ['4', 'a device'],
    ['6', 'a pipe'],
    ['Z', 'an entry of the unknown type "Z"'],
  ])('is omitted and reported: type %s', async (type, what) => {
    using place = somePlace();
    const { skippedLines } = await unpackHere(place, tarOf([{ name: 'a', type }, file('b')]));
    expect(skippedLines).toEqual([`"a": it is ${what}`]);
    expect(place.tree()).toEqual({ b: 'x' });
  });

  it('is omitted from zip archives, too', async () => {
    using place = somePlace();
    const modes = [0o010644, 0o020644, 0o060644, 0o140644];
    const archive = zipOf(modes.map((mode, i) => ({ name: `a${i}`, mode, content: 'x' })));
    expect(await unpackHere(place, archive, 'zip')).toMatchObject({ skipped: 4 });
    expect(place.tree()).toEqual({});
  });

  it('is reported only a limited number of times', async () => {
    using place = somePlace();
    const pipes = Array.from({ length: 50 }, (_, i) => ({ name: `a${i}`, type: '6' }));
    const { skipped, skippedLines } = await unpackHere(place, tarOf(pipes));
    expect([skipped, skippedLines.length]).toEqual([50, 20]);
  });
});

describe('modes', () => {
  it('have no setuid, setgid or sticky bit', async () => {
    using place = somePlace();
    await unpackHere(
      place,
      tarOf([
        { ...file('a'), mode: 0o7777 },
        { ...folder('b'), mode: 0o7777 },
      ]),
    );
    await unpackHere(place, zipOf([{ name: 'c', mode: 0o107755, content: 'x' }]), 'zip');
    const modes = ['a', 'b', 'c'].map(name => statSync(join(place.inside, name)).mode & 0o7777);
    expect(modes).toEqual([0o777, 0o777, 0o755]);
  });

  it('never lock the owner out of a folder', async () => {
    using place = somePlace();
    await unpackHere(
      place,
      tarOf([{ ...folder('a'), mode: 0o000 }, file('a/b'), { ...folder('a'), mode: 0o055 }]),
    );
    expect(statSync(join(place.inside, 'a')).mode & 0o7777).toBe(0o755);
    expect(place.tree()).toEqual({ a: '/', 'a/b': 'x' });
  });
});

describe('a malformed tar archive', () => {
  it.each([
    ['a negative size', tarOf([{ ...file('a'), size: -1 }])],
    ['an impossible size', tarOf([{ ...file('a'), size: 2 ** 60 }])],
    ['an invalid size in an extended header', tarOf([{ ...file('a'), pax: { size: '-5' } }])],
    ['a size that is more than there is', tarOf([{ ...file('a'), pax: { size: '99999999' } }])],
    ['no end', tarOf([file('a')], false)],
    ['an endless extended header', tarOf([{ name: 'x', type: 'x', size: 2 ** 40 }])],
    ['an endless name', tarOf([{ name: 'x', type: 'L', size: 2 ** 32 }])],
    ['invalid records', tarOf([{ name: 'x', type: 'x', content: '99 path=a\n' }, file('a')])],
    ['a record without a name', tarOf([{ name: 'x', type: 'x', content: '5 =a\n' }, file('a')])],
    ['a record of length zero', tarOf([{ name: 'x', type: 'x', content: '0 path=a\n' }, file('a')])],
    ['a wrong checksum', Buffer.concat([Buffer.alloc(512, 'a'), Buffer.alloc(1024)])],
  ])('with %s is an error', async (_what, archive) => {
    using place = somePlace();
    await expect(unpackHere(place, archive)).rejects.toMatchObject(isDamaged);
  });

  it('of several volumes is refused', async () => {
    using place = somePlace();
    await expect(unpackHere(place, tarOf([{ ...file('a'), type: 'M' }]))).rejects.toMatchObject({
      problem: 'unsupported',
    });
  });

  it('may have a wrong size in its header', async () => {
    using place = somePlace();
    const header = tarHeader({ name: 'a', size: 0 }, 0);
    const archive = Buffer.concat([
      tarOf([{ name: 'x', type: 'x', content: '10 size=3\n' }], false),
      header,
      Buffer.from('abc'.padEnd(512, '\0')),
      tarOf([file('b')]),
    ]);
    await unpackHere(place, archive);
    expect(place.tree()).toEqual({ a: 'abc', b: 'x' });
  });

  it('may have sizes for links and folders, which have no content', async () => {
    using place = somePlace();
    const archive = tarOf([{ ...folder('a'), size: 1000 }, { ...link('b', 'a'), size: 1000 }, file('c')]);
    await unpackHere(place, archive);
    expect(place.tree()).toEqual({ a: '/', b: '-> a', c: 'x' });
  });

  it('does no harm, whatever bytes are changed', async () => {
    const archive = tarOf([
      folder('a'),
      { ...file('a/b', 'content'), pax: { path: 'a/longer', mtime: '1.5' } },
      link('l', 'a'),
      hardLink('h', 'a/longer'),
      file('d'),
    ]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (changes, signs) => {
          const broken = Buffer.from(archive);
          for (const [at, value] of changes) {
            broken[at] = value;
            // With a correct checksum, more of the damaged header is used.
            const start = at - (at % 512);
            if (signs && broken[start + 257] === 0x75) signed(broken.subarray(start, start + 512));
          }
          using place = somePlace();
          try {
            await unpackHere(place, broken);
          } catch (error) {
            expect(error).toBeInstanceOf(UnpackFault);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

it('a zip archive does no harm, whatever bytes are changed', async () => {
  const archive = zipOf([
    { name: 'a/', mode: 0o040755 },
    { name: 'a/b', content: 'content '.repeat(20), mode: 0o100644 },
    { name: 'l', content: 'a', mode: 0o120777 },
    { name: 'stored', content: 'as it is', method: 0, mode: 0o100755 },
  ]);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
      async changes => {
        const broken = Buffer.from(archive);
        for (const [at, value] of changes) broken[at] = value;
        using place = somePlace();
        try {
          await unpackHere(place, broken, 'zip');
        } catch (error) {
          expect(error).toBeInstanceOf(UnpackFault);
        }
      },
    ),
    { numRuns: 150 },
  );
});

it('any entries, in any order, stay inside the folder', async () => {
  const part = fc.constantFrom('a', 'b', 'c', '..', '.', '', 'A');
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map(parts => parts.join('/'));
  const entry = fc.oneof(
    path.map(name => file(name)),
    path.map(name => folder(name)),
    fc.tuple(path, path).map(([name, target]) => link(name, target)),
    fc.tuple(path, path).map(([name, target]) => hardLink(name, target)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 12 }), async entries => {
      using place = somePlace();
      // One entry at a time, because the first refused entry would end the whole archive.
      for (const one of entries) {
        try {
          await unpackHere(place, tarOf([one]));
        } catch (error) {
          expect(error).toBeInstanceOf(UnpackFault);
        }
      }
      await unpackHere(place, zstdCompressSync(tarOf(entries)), 'tar.zst').catch((error: unknown) => {
        expect(error).toBeInstanceOf(UnpackFault);
      });
    }),
    { numRuns: 60 },
  );
});
