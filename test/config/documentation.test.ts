import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { documentedProperties } from './documented-properties.ts';

const documentation = new URL('../../docs/configuration.md', import.meta.url);
const checkedPart = /(<!-- properties: begin.*?-->\n)(.*)(<!-- properties: end -->)/s;

// With TCW_TEST_WRITE_DOCS=1 the list is written anew.
it('docs/configuration.md describes every property as the property table does', async () => {
  const expected = `\n${await documentedProperties()}\n\n`;
  const text = await readFile(documentation, 'utf8');
  if (process.env.TCW_TEST_WRITE_DOCS === '1') {
    await writeFile(
      documentation,
      text.replace(checkedPart, (_, begin: string, _list, end: string) => `${begin}${expected}${end}`),
    );
    return;
  }
  expect(checkedPart.exec(text)?.[2]).toBe(expected);
});
