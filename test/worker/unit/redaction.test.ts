import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/pulse/index.ts';
import { listOf } from '../../../src/worker/secrets/secret-list.ts';
import { redaction } from '../../../src/worker/task-log/redaction.ts';

/** The filter's output for these chunks and secrets. */
function filtered(chunks: readonly Buffer[], secrets: readonly string[]): Buffer {
  const wrapped = secrets.map(secret => new Secret(secret));
  const filter = redaction(() => wrapped);
  return Buffer.concat([...chunks.flatMap(chunk => filter.pass(chunk)), ...filter.end()]);
}

const text = (chunks: readonly string[], ...secrets: string[]) =>
  filtered(
    chunks.map(chunk => Buffer.from(chunk)),
    secrets,
  ).toString();

/**
 * Reference implementation for a whole text: one word replaces each occurrence of a secret, and no byte of it remains.
 */
function redacted(whole: Buffer, secrets: readonly string[]): Buffer {
  const bytes = whole.toString('latin1');
  const spans: { start: number; end: number }[] = [];
  for (const secret of secrets.map(each => Buffer.from(each).toString('latin1'))) {
    if (secret.length < 8) continue;
    for (let start = 0; start + secret.length <= bytes.length; start++) {
      if (bytes.startsWith(secret, start)) spans.push({ start, end: start + secret.length });
    }
  }
  spans.sort((one, other) => one.start - other.start);
  let result = '';
  let at = 0;
  for (const { start, end } of spans) {
    // An occurrence that overlaps the previous one is covered by the same word.
    if (start >= at) result += `${bytes.slice(at, start)}[redacted]`;
    at = Math.max(at, end);
  }
  return Buffer.from(result + bytes.slice(at), 'latin1');
}

function cut(whole: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    chunks.push(whole.subarray(at, at + length));
    at += length;
  }
  return [...chunks, whole.subarray(at)];
}

describe('the redaction of a log', () => {
  it('replaces a secret', () => {
    expect(text(['the token is token-token, see?'], 'token-token')).toBe('the token is [redacted], see?');
  });

  it('replaces a secret that is split at any byte', () => {
    expect(text(['a tok', 'en-to', 'ken b'], 'token-token')).toBe('a [redacted] b');
    expect(text([...'a token-token b'], 'token-token')).toBe('a [redacted] b');
  });

  it('replaces each of several secrets, each time', () => {
    expect(text(['first-secret second-secret first-secret'], 'first-secret', 'second-secret')).toBe(
      '[redacted] [redacted] [redacted]',
    );
    expect(text(['same-secretsame-secret'], 'same-secret')).toBe('[redacted][redacted]');
  });

  it.each([
    ['known first', ['long-secret', 'long-secret-and-more']],
    ['known last', ['long-secret-and-more', 'long-secret']],
  ])('leaves nothing of a secret that starts like another one: %s', (_, secrets) => {
    expect(text(['x long-secret-and-more y'], ...secrets)).toBe('x [redacted] y');
    expect(text(['x long-secret', '-and-more y'], ...secrets)).toBe('x [redacted] y');
    expect(text(['x long-secret', '-and-mice y'], ...secrets)).toBe('x [redacted]-and-mice y');
  });

  it('leaves nothing of two overlapping secrets', () => {
    expect(text(['x abcdefghijkl y'], 'abcdefgh', 'efghijkl')).toBe('x [redacted] y');
    expect(text(['x abcdefgh', 'ijkl y'], 'efghijkl', 'abcdefgh')).toBe('x [redacted] y');
  });

  it('does not search its own replacement text', () => {
    expect(text(['first-secret!'], 'first-secret', 'redacted')).toBe('[redacted]!');
  });

  it('releases what only starts like a secret, at the end at the latest', () => {
    expect(text(['token-tok'], 'token-token')).toBe('token-tok');
    expect(text(['token-', 'tower'], 'token-token')).toBe('token-tower');
  });

  it('holds back only what may be the start of a secret', () => {
    const filter = redaction(() => [new Secret('token-token')]);
    const seen = (chunk: string) => Buffer.concat(filter.pass(Buffer.from(chunk))).toString();
    expect(seen('progress 10 %\n')).toBe('progress 10 %\n');
    expect(seen('a tok')).toBe('a ');
  });

  it('ignores secrets that are too short', () => {
    expect(text(['a bcdefg h'], 'bcdefg', 'a', '')).toBe('a bcdefg h');
  });

  it('reads the list of secrets again for each chunk', () => {
    const secrets = [new Secret('first-secret')];
    const filter = redaction(() => secrets);
    const first = filter.pass(Buffer.from('first-secret second-secret '));
    secrets.push(new Secret('second-secret'));
    const rest = [...filter.pass(Buffer.from('second-secret')), ...filter.end()];
    expect(Buffer.concat([...first, ...rest]).toString()).toBe('[redacted] second-secret [redacted]');
  });

  it('keeps up with secrets that are added and removed, and does not retain removed ones', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 40 }), { maxLength: 200 }), steps => {
        const present = new Map<number, Secret>();
        let version = 0;
        const list = listOf(
          () => present.values(),
          () => version,
        );
        const filter = redaction(() => list);
        const seen = (chunk: string) =>
          Buffer.concat([...filter.pass(Buffer.from(chunk)), ...filter.end()]).toString();
        // Secrets of several lengths, some of which are prefixes of others.
        const word = (number: number) => `secret-${'x'.repeat(number % 7)}${String(number).padStart(3, '0')}`;
        for (const number of steps) {
          if (!present.delete(number)) present.set(number, new Secret(word(number)));
          version += 1;
          const text = [...present.keys()].map(word).join(' ');
          expect(seen(text)).toBe(text.replaceAll(/\S+/g, '[redacted]'));
        }
        present.clear();
        for (let number = 100; number < 150; number++) {
          present.clear();
          present.set(number, new Secret(word(number)));
          version += 1;
          seen('');
        }
        expect(seen(word(100))).toBe(word(100));
      }),
    );
  });

  it('emits slices of its input, and retains nothing that the caller may reuse', () => {
    const filter = redaction(() => [new Secret('token-token')]);
    const chunk = Buffer.from('innocent output, then tok');
    const [piece] = filter.pass(chunk);
    expect(piece?.buffer).toBe(chunk.buffer);
    chunk.fill('x');
    expect(Buffer.concat(filter.pass(Buffer.from('en'))).toString()).toBe('');
    expect(Buffer.concat(filter.end()).toString()).toBe('token');
  });

  it('replaces a secret that is not ASCII', () => {
    const bytes = Buffer.from('<pässwörter>');
    expect(filtered(cut(bytes, [3, 5]), ['pässwörter']).toString()).toBe('<[redacted]>');
  });

  it('replaces a long secret once, however it is split, and also a long part of it', () => {
    const long = Array.from({ length: 200 }, (_, at) => `${at} `).join('');
    for (const size of [1, 100, 255, 256, 257, 1_000]) {
      const whole = Buffer.from(`<${long}>`);
      const lengths = Array<number>(Math.ceil(whole.length / size)).fill(size);
      expect(filtered(cut(whole, lengths), [long]).toString()).toBe('<[redacted]>');
    }
    expect(text([`<${long.slice(0, 400)}>`], long)).toMatch(/^<\[redacted\].*>$/);
    expect(text([`<${long.slice(0, 40)}>`], long)).toBe(`<${long.slice(0, 40)}>`);
  });

  it('stays fast with secrets that a task has chosen to be as slow as possible', () => {
    const alike = Array.from({ length: 500 }, (_, line) => `${'a'.repeat(400)}${line}`);
    const secrets = [...alike, 'a'.repeat(128 * 1024)];
    const chunk = Buffer.alloc(64 * 1024, 'a');
    const startedAt = process.cpuUsage();
    expect(filtered([chunk, chunk], secrets).toString()).toBe('[redacted]');
    // Comparing each secret at each byte would take minutes.
    expect(process.cpuUsage(startedAt).user / 1e6).toBeLessThan(10);
  });

  // Few letters, so that secrets overlap each other and themselves in every way.
  const secret = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 8, maxLength: 12 }),
    fc.string({ unit: fc.constantFrom('a', 'b', '[redacted]'), minLength: 8, maxLength: 9 }),
    fc.string({ unit: 'grapheme', minLength: 4, maxLength: 16 }),
  );
  const secrets = fc.array(secret, { maxLength: 4 });
  const chunked = secrets.chain(known => {
    const piece = fc.oneof(
      ...(known.length > 0 ? [fc.constantFrom(...known).map(each => Buffer.from(each))] : []),
      ...(known.length > 0
        ? [
            fc
              .tuple(fc.constantFrom(...known), fc.nat(12), fc.nat(12))
              .map(([each, from, length]) => Buffer.from(each).subarray(from, from + length)),
          ]
        : []),
      fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 }).map(each => Buffer.from(each)),
      fc.uint8Array({ maxLength: 6 }).map(each => Buffer.from(each)),
    );
    return fc.record({
      known: fc.constant(known),
      whole: fc.array(piece, { maxLength: 12 }).map(pieces => Buffer.concat(pieces)),
      lengths: fc.array(fc.nat(9), { maxLength: 40 }),
    });
  });

  it('has the same result for any split of a text as for the whole', () => {
    fc.assert(
      fc.property(chunked, ({ known, whole, lengths }) => {
        const result = filtered(cut(whole, lengths), known);
        expect(result.toString('latin1')).toBe(redacted(whole, known).toString('latin1'));
      }),
      { numRuns: 2_000 },
    );
  });

  it('changes no other byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(20)), (bytes, lengths) => {
        const whole = Buffer.from(bytes);
        const result = filtered(cut(whole, lengths), ['a-secret-that-is-not-in-it-ä']);
        expect(result.equals(whole)).toBe(true);
      }),
    );
  });
});
