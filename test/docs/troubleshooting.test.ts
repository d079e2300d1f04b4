import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const page = readFileSync(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8');

/** The messages that the page quotes, each as the fragments between its `…`. */
function quoted(): { message: string; fragments: string[] }[] {
  const rows = [...page.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, message = '']) => message);
  return rows.map(message => ({
    message,
    fragments: message
      .split('…')
      .map(fragment => fragment.trim().replace(/^[;?:]+\s*|\s*[?]$/g, ''))
      .filter(fragment => /[a-z]{2}/i.test(fragment)),
  }));
}

/** All of src as one text: strings that are joined over several lines count as one, and escaped quotes as plain. */
function source(): string {
  const folder = new URL('../../src/', import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.ts'),
  );
  return files
    .map(name => readFileSync(new URL(name, folder), 'utf8'))
    .join('\n')
    .replaceAll(/['"`] \+\s+['"`]/g, '')
    .replaceAll("\\'", "'");
}

it('the troubleshooting page quotes only messages that exist in tcw', () => {
  const text = source();
  const all = quoted();
  expect(all.length).toBeGreaterThan(30);
  const unknown = all.flatMap(({ message, fragments }) =>
    fragments.filter(fragment => !text.includes(fragment)).map(fragment => `${message}: ${fragment}`),
  );
  expect(unknown).toEqual([]);
});

it('the troubleshooting page gives a meaning and a remedy for each message', () => {
  for (const row of page.split('\n').filter(line => line.startsWith('| `'))) {
    const cells = row
      .replaceAll(/`[^`]*`/g, 'x')
      .split('|')
      .slice(1, -1);
    expect(cells.map(cell => cell.trim())).toEqual([
      expect.stringMatching(/./),
      expect.stringMatching(/./),
      expect.stringMatching(/./),
    ]);
  }
});
