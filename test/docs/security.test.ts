import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);

it('docs/security.md names a test for each promise, and mentions every file of test/attacks', async () => {
  const text = await readFile(new URL('docs/security.md', root), 'utf8');
  const named = new Set([...text.matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path));
  expect([...named].filter(path => !existsSync(new URL(path, root)))).toEqual([]);
  const attacks = (await readdir(new URL('test/attacks', root))).filter(name => name.endsWith('.test.ts'));
  expect(attacks.filter(name => !named.has(`test/attacks/${name}`))).toEqual([]);
  const promises = text.split('\n').filter(line => line.includes(' held ') && line.startsWith('|'));
  expect(promises.length).toBeGreaterThan(10);
  expect(promises.filter(line => !line.includes('`test/'))).toEqual([]);
});
