import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EXIT_CODES } from '../../src/cli/words/exit-codes.ts';
import { OBSOLETE_PROPERTIES, PROPERTIES } from '../../src/worker/config/index.ts';

const page = readFileSync(new URL('../../docs/moving-from-generic-worker.md', import.meta.url), 'utf8');

/** The first cell of each row of the tables in a checked part of the page. */
function firstCells(part: string): string[] {
  const text = new RegExp(`<!-- ${part}: begin.*?-->\n(.*)<!-- ${part}: end -->`, 's').exec(page)?.[1] ?? '';
  return text.split('\n').flatMap(line => /^\| ([^|]*?) *\|/.exec(line)?.[1] ?? []);
}

it('docs/moving-from-generic-worker.md describes the fate of each property of generic-worker once', () => {
  const documented = firstCells('properties').flatMap(cell =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  const ofGenericWorker = [...PROPERTIES].flatMap(([name, { since }]) =>
    since === 'generic-worker' ? [name] : [],
  );
  expect(documented.toSorted()).toEqual([...ofGenericWorker, ...OBSOLETE_PROPERTIES.keys()].toSorted());
});

it('it describes when generic-worker and tcw use each exit code of tcw run', () => {
  const codes = firstCells('exit codes').flatMap(cell => cell.match(/\d+/g)?.map(Number) ?? []);
  const { tasksFailed: ofDev, ...ofRun } = EXIT_CODES;
  expect(codes).not.toContain(ofDev.code);
  expect(codes).toEqual(expect.arrayContaining(Object.values(ofRun).map(({ code }) => code)));
  expect(codes).toEqual(codes.toSorted((one, other) => one - other));
});
