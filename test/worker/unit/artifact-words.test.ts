import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentEncodingOf, contentTypeOf } from '../../../src/worker/artifacts/content.ts';
import { nameProblem } from '../../../src/worker/artifacts/name.ts';

describe("an artifact's name", () => {
  it.each([
    'public/logs/live.log',
    'a',
    'public/with space.txt',
    'private/$x{y}~!',
    'a'.repeat(255),
    'public/a/',
    "it's (fine)*!",
    '100%',
    'a%20b',
    '%2e%2e/x',
  ])('is valid: %s', name => {
    expect(nameProblem(name)).toBeUndefined();
  });

  it('may have up to 1,024 characters, in parts of up to 255', () => {
    const name = Array.from({ length: 4 }, () => 'a'.repeat(255)).join('/');
    expect(nameProblem(name)).toBeUndefined();
    expect(nameProblem(`${name}/`)).toBeUndefined();
    expect(nameProblem(`${name}/a`)).toBe('its name has 1025 characters, more than 1,024');
    expect(nameProblem(`x/${'a'.repeat(256)}`)).toBe('a part of its name has 256 characters, more than 255');
  });

  it.each([
    ['', 'empty'],
    ['/public/x', 'an empty part'],
    ['public//x', 'an empty part'],
    ['public/../x', '. or ..'],
    ['./x', '. or ..'],
    ['public/..', '. or ..'],
    ['public/ä', 'ASCII'],
    ['public/a\nb', 'ASCII'],
    ['public/a\r', 'ASCII'],
    ['public/a\n', 'ASCII'],
    ['public/\0', 'ASCII'],
    ['public/\x7f', 'ASCII'],
  ])('is invalid: %j', (name, problem) => {
    expect(nameProblem(name)).toContain(problem);
  });

  it('is valid only if the queue and every store accept it', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 30 }),
          fc.string({ unit: fc.constantFrom('a', '.', '/', '%') }),
        ),
        name => {
          const letters = /^[ -~]+$/.test(name) && !/[\r\n]/.test(name);
          const parts = !/^\/|\/\/|(^|\/)\.\.?(\/|$)/.test(name);
          expect(nameProblem(name) === undefined).toBe(letters && parts);
        },
      ),
    );
  });
});

describe('the content type of a file', () => {
  it.each([
    ['/x/a.txt', 'text/plain; charset=utf-8'],
    ['/x/a.log', 'text/plain; charset=utf-8'],
    ['/x/a.html', 'text/html; charset=utf-8'],
    ['/x/a.css', 'text/css; charset=utf-8'],
    ['/x/a.json', 'application/json'],
    ['/x/a.jsonl', 'application/jsonl'],
    ['/x/a.png', 'image/png'],
    ['/x/A.PNG', 'image/png'],
    ['/x/a.tar.gz', 'application/gzip'],
    ['/x/a.zip', 'application/zip'],
    ['/x/Makefile', 'application/octet-stream'],
    ['/x/json', 'application/octet-stream'],
    ['/x.txt/binary', 'application/octet-stream'],
    ['/x/a.unheard-of', 'application/octet-stream'],
  ])('of %s is %s', (file, type) => {
    expect(contentTypeOf(file)).toBe(type);
  });

  it('is defined for every name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), name => {
        expect(contentTypeOf(`/x/${name}`)).toMatch(/^[\w.+-]+\/[\w.+-]+(; charset=utf-8)?$/);
        expect(['gzip', 'identity']).toContain(contentEncodingOf(`/x/${name}`));
      }),
    );
  });
});

describe('the content encoding of a file', () => {
  // The list in generic-worker.
  const compressed =
    '7z br aab apk bz2 deb dmg flv gif gz jar jpeg jpg lz lz4 mz npz pkg png swf sz tbz tgz wasm webp whl woff ' +
    'woff2 xpi xz zip zst zz';

  it.each(compressed.split(' '))('is identity for a format that is already compressed: .%s', ending => {
    expect(contentEncodingOf(`/x/a.${ending}`)).toBe('identity');
  });

  it.each(['a.txt', 'a.tar', 'A.GZ', 'gz', 'a.gz.txt', 'a.', 'a'])('is gzip for anything else: %s', name => {
    expect(contentEncodingOf(`/x/${name}`)).toBe('gzip');
  });
});
