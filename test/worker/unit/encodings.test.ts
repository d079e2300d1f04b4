import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/base/index.ts';
import { LiveSecrets } from '../../../src/worker/secrets/live-secrets.ts';
import { redaction } from '../../../src/worker/task-log/redaction.ts';

const SECRET = 'correct horse battery staple? 100 % ünique/';

/** The log's content for a text that arrives in chunks of this size, when a secret is known. */
function shown(secret: string, text: string, chunkBytes = text.length + 1): string {
  const live = new LiveSecrets();
  live.add(new Secret(secret));
  const filter = redaction(() => live.all);
  const whole = Buffer.from(text);
  const seen: Buffer[] = [];
  for (let at = 0; at < whole.length; at += chunkBytes) {
    seen.push(...filter.pass(whole.subarray(at, at + chunkBytes)));
  }
  return Buffer.concat([...seen, ...filter.end()]).toString();
}

/** How many characters of base64 may remain at each edge of a secret with unknown surroundings. */
const AT_AN_EDGE = 2;

describe('base64 of a secret', () => {
  it.each([0, 1, 2, 3, 4, 5])('is hidden with %i bytes before it and anything after it', before => {
    for (const after of ['', '\n', 'xy', 'xyz']) {
      const whole = Buffer.from(`${'a'.repeat(before)}${SECRET}${after}`);
      for (const encoding of ['base64', 'base64url'] as const) {
        const encoded = whole.toString(encoding);
        const seen = shown(SECRET, `<${encoded}>`);
        expect(seen).toMatch(/^<.*\[redacted\].*>$/);
        // The rest encodes the surrounding bytes, except for a character or two at each edge.
        const left = seen.replace('[redacted]', '').length - '<>'.length;
        const around = Math.ceil(((before + after.length) * 4) / 3);
        expect(left).toBeLessThanOrEqual(around + 2 * AT_AN_EDGE + '=='.length);
      }
    }
  });

  it('is hidden when it is written byte by byte', () => {
    const encoded = Buffer.from(`x${SECRET}y`).toString('base64');
    expect(shown(SECRET, encoded, 1)).toBe(shown(SECRET, encoded));
    expect(shown(SECRET, encoded, 1)).toContain('[redacted]');
  });

  it.each([76, 64])('is hidden if a program breaks its lines after %i characters', width => {
    const long = `${SECRET}${SECRET}${SECRET}`;
    const encoded = Buffer.from(long).toString('base64');
    const lines = encoded.replaceAll(new RegExp(`.{${width}}`, 'g'), '$&\n');
    expect(lines.split('\n').length).toBeGreaterThan(2);
    const seen = shown(long, lines);
    expect(seen).toMatch(/^\[redacted\].{0,4}$/);
  });

  it('is hidden for any secret, at any offset', () => {
    const around = fc.uint8Array({ maxLength: 7 });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 64 }), around, around, (key, before, after) => {
        // Environment variables are text.
        const secret = Buffer.from(key).toString('latin1');
        const encoded = Buffer.concat([before, Buffer.from(secret), after]).toString('base64');
        expect(shown(secret, encoded, 5)).toContain('[redacted]');
      }),
    );
  });

  it('is not hidden if the text is too short to be a secret', () => {
    const encoded = Buffer.from('1234567').toString('base64');
    expect(shown('1234567', encoded)).toBe(encoded);
  });
});

describe('a secret in a URL', () => {
  it.each([
    ['JavaScript', encodeURIComponent(SECRET)],
    ['a form', new URLSearchParams({ q: SECRET }).toString().slice(2)],
    ['Python', 'correct%20horse%20battery%20staple%3F%20100%20%25%20%C3%BCnique/'],
    ['lower-case digits', 'correct%20horse%20battery%20staple%3f%20100%20%25%20%c3%bcnique%2f'],
  ])('is hidden as %s encodes it', (_, encoded) => {
    expect(shown(SECRET, `https://example.com/?q=${encoded}&r=1`)).toBe(
      'https://example.com/?q=[redacted]&r=1',
    );
  });

  it('is hidden even if punctuation is escaped', () => {
    expect(shown("it's (a) key!*", 'it%27s%20%28a%29%20key%21%2A')).toBe('[redacted]');
  });
});
