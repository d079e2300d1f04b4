import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** The requirements that a suite shows: its `describe('requirement 7: explicit outcomes'`, and their lines. */
function shown(path: string): Map<number, Set<string>> {
  const found = new Map<number, Set<string>>();
  for (const [, number, name = ''] of text(path).matchAll(/describe\('requirement (\d+): ([^']+)'/g)) {
    const names = found.get(Number(number)) ?? new Set();
    found.set(Number(number), names.add(name));
  }
  return found;
}

interface Row {
  readonly number: number;
  readonly name: string;
  readonly cells: readonly string[];
}

const rows: Row[] = [
  ...text('docs/pulse/conformance.md').matchAll(
    /^\| (\d+)\. ([^|]+?) *\| [^|]+\| ([^|]+?) *\| ([^|]+?) *\|$/gm,
  ),
].map(([, number, name = '', ...cells]) => ({ number: Number(number), name, cells }));

const suites = { suite: shown('test/pulse/conformance.ts'), trouble: shown('test/pulse/trouble.ts') };

it('the conformance matrix contains the fifteen requirements, with the names of their tests', () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
  for (const { number, name } of rows) {
    const names = [...(suites.suite.get(number) ?? []), ...(suites.trouble.get(number) ?? [])];
    expect(names, `requirement ${number}`).toContain(name);
  }
});

it('each cell of the conformance matrix names exactly the suites that test the requirement', () => {
  for (const { number, cells } of rows) {
    const expected = Object.entries(suites)
      .filter(([, requirements]) => requirements.has(number))
      .map(([suite]) => suite)
      .join(', ');
    expect(cells, `requirement ${number}`).toEqual([expected, expected]);
  }
});

it('both brokers run both suites', () => {
  const runs = (path: string, call: string) => expect(text(path)).toMatch(new RegExp(`^ *${call}\\(`, 'm'));
  runs('test/pulse/conformance.amqp.test.ts', 'conformance');
  runs('test/pulse/conformance.memory.test.ts', 'conformance');
  runs('test/pulse/rabbitmq.test.ts', 'trouble');
  runs('test/pulse/trouble.memory.test.ts', 'trouble');
});
