import { readFile, writeFile } from 'node:fs/promises';
import { format } from 'prettier';
import { expect, it } from 'vitest';
import { CONTRACT } from './contract.ts';
import { LACKS, WHY, type Ability } from './contract-lacks.ts';

const documentation = new URL('../../docs/engines.md', import.meta.url);
const checkedPart = /(<!-- contract: begin.*?-->\n)(.*)(<!-- contract: end -->)/s;

/** Promises by engine. `yes`: a test runs for the engine. Anything else is the capability that the engine lacks. */
function matrix(): string {
  const engines = Object.entries<readonly Ability[]>(LACKS);
  const rows = CONTRACT.map(({ says, needs }) => [
    `${says.charAt(0).toUpperCase()}${says.slice(1)}`,
    ...engines.map(([, lacks]) => (needs !== undefined && lacks.includes(needs) ? `no (${needs})` : 'yes')),
  ]);
  const lacked = (Object.keys(WHY) as Ability[]).filter(ability =>
    engines.some(([, lacks]) => lacks.includes(ability)),
  );
  const head = ['promise', ...engines.map(([name]) => name)];
  return [
    ...[head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`),
    '',
    ...lacked.map(ability => `- **no (${ability})**: ${WHY[ability]}`),
  ].join('\n');
}

// With TCW_TEST_WRITE_DOCS=1, this rewrites the table.
it('docs/engines.md has the contract as the tests put it to each engine', async () => {
  const expected = `\n${(await format(matrix(), { parser: 'markdown' })).trimEnd()}\n\n`;
  const text = await readFile(documentation, 'utf8');
  if (process.env.TCW_TEST_WRITE_DOCS === '1') {
    await writeFile(
      documentation,
      text.replace(checkedPart, (_, begin: string, _old, end: string) => `${begin}${expected}${end}`),
    );
    return;
  }
  expect(checkedPart.exec(text)?.[2]).toBe(expected);
});
