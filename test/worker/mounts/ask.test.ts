import fc from 'fast-check';
import { posix } from 'node:path';
import { expect, it } from 'vitest';
import { mountProblems } from '../../../src/worker/features/mounts/ask.ts';
import { decodedBase64 } from '../../../src/worker/features/mounts/base64.ts';

const RAW = { kind: 'raw', text: '' } as const;
const segment = fc.constantFrom('..', '.', '', 'a', 'b c', '...', '..x', 'ä');

it('an accepted relative path stays in the folder of the task', () => {
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 8 }), parts => {
      const path = parts.join('/');
      fc.pre(path !== '' && !path.startsWith('/'));
      for (const kind of ['file', 'directory'] as const) {
        const mount = { kind, path, content: RAW, format: 'zip' };
        if (mountProblems([mount], []).length > 0) continue;
        const target = posix.resolve('/run/home', path);
        expect(target === '/run/home' || target.startsWith('/run/home/')).toBe(true);
      }
    }),
  );
});

it('any path at all gets an answer', () => {
  fc.assert(
    fc.property(fc.string(), path => {
      expect(() => mountProblems([{ kind: 'file', path, content: RAW }], [])).not.toThrow();
    }),
  );
});

it('directories may share a path, but files may not', () => {
  const directory = { kind: 'directory', path: 'x', content: RAW, format: 'zip' } as const;
  const file = { kind: 'file', path: './x', content: RAW } as const;
  const cache = { kind: 'cache', path: 'x/', cacheName: 'c' } as const;
  expect(mountProblems([directory, directory], [])).toEqual([]);
  for (const pair of [
    [file, file],
    [file, directory],
    [cache, file],
    [cache, cache],
    [directory, cache],
  ]) {
    expect(mountProblems(pair, [])).toEqual([
      expect.stringMatching(/^mounts\[1\]: mounts\[0\] has the same path/),
    ]);
  }
  // The content of an archive is added to a cache.
  expect(mountProblems([cache, directory], [])).toEqual([]);
});

it('all errors are reported', () => {
  const artifact = { kind: 'artifact', taskId: 'T', artifact: 'public/x' } as const;
  const problems = mountProblems(
    [
      { kind: 'file', path: '../x', content: { kind: 'base64', base64: '*' } },
      { kind: 'file', path: 'a\0', content: artifact },
      { kind: 'file', path: 'b', content: artifact },
    ],
    ['other'],
  );
  expect(problems).toEqual([
    'mounts[0]: the path "../x" leads out of the task\'s folder',
    'mounts[0]: content.base64 is not base64',
    'mounts[1]: the path "a\\u0000" contains a NUL',
    'task.dependencies needs to include T since one or more of its artifacts are mounted',
  ]);
});

it('base64 is accepted in its exact form, with or without line breaks', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.integer({ min: 4, max: 76 }), (bytes, width) => {
      const encoded = Buffer.from(bytes).toString('base64');
      const lines = encoded.replaceAll(new RegExp(`.{${width}}`, 'g'), '$&\n');
      expect(decodedBase64(encoded)).toEqual(Buffer.from(bytes));
      expect(decodedBase64(lines)).toEqual(Buffer.from(bytes));
    }),
  );
  for (const text of ['*', 'a', 'ab', 'abc', 'ab=', 'a===', 'ab==cd==', 'ab c', '-_-_']) {
    expect(decodedBase64(text)).toBeUndefined();
  }
});
