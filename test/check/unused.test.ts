import { execa } from 'execa';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { tree } from './tree.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));

interface Report {
  readonly issues: readonly {
    readonly file: string;
    readonly files: readonly unknown[];
    readonly exports: readonly { readonly name: string }[];
    readonly types: readonly { readonly name: string }[];
  }[];
}

/** What knip says of a tree, with the configuration of this repository. */
async function unused(files: Readonly<Record<string, string>>): Promise<Record<string, string[]>> {
  const root = tree({ 'package.json': '{ "name": "tree", "type": "module" }', ...files });
  const words = ['--directory', root, '--config', join(repository, 'knip.json'), '--no-progress'];
  const { stdout } = await execa('knip', [...words, '--reporter', 'json'], {
    preferLocal: true,
    localDir: repository,
    reject: false,
  });
  const { issues } = JSON.parse(stdout) as Report;
  return Object.fromEntries(
    issues.map(({ file, files, exports, types }) => [
      file,
      files.length > 0 ? ['the file'] : [...exports, ...types].map(({ name }) => name).sort(),
    ]),
  );
}

it('the unused-code check reports exports and files that nothing imports', async () => {
  expect(
    await unused({
      'src/worker/index.ts': `
        export { used } from '../a.ts';
        export const door = 1;`,
      'src/cli/main.ts': `
        import { used as renamed, type Used } from '../a.ts';
        import * as everything from '../everything.ts';
        const late = await import('../late.ts');
        console.log(renamed, everything, late.late);
        export function main(words: Used) { return words; }`,
      'src/a.ts': `
        export const used = 1, unused = 2;
        export type Used = string;
        export class UnusedClass {}
        export type UnusedType = string;
        export interface Options { readonly a: Used }
        export function unusedFunction(options: Options) { return options; }`,
      'src/everything.ts': 'export const one = 1;',
      'src/late.ts': 'export const late = 1;',
      'src/nobody.ts': 'export const orphan = 1;',
      'src/generated/api.ts': 'export const unused = 1;',
    }),
  ).toEqual({
    // A type may be exported because an exported function of its file takes it.
    'src/a.ts': ['UnusedClass', 'UnusedType', 'unused', 'unusedFunction'],
    'src/nobody.ts': ['the file'],
  });
});
