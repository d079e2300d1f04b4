import { describe, expect, it } from 'vitest';
import { unusedExports } from '../../scripts/check/unused-exports.ts';
import { tree } from './tree.ts';

describe('the check for unused exports', () => {
  it('names the exports that nothing imports', () => {
    const root = tree({
      'src/a.ts': `
        export const used = 1, unused = 2;
        export const { left, right: [inner] } = { left: 1, right: [1] };
        export function unusedFunction() {}
        export class UnusedClass {}
        export type UnusedType = string;
        export interface UnusedInterface { a: 1 }
        const renamed = 1;
        export { renamed as unusedName };
        export default 1;`,
      'src/b.ts': "import { used } from './a.ts';",
    });
    expect(unusedExports(root)).toEqual([
      'src/a.ts: unused, left, inner, unusedFunction, UnusedClass, UnusedType, UnusedInterface, unusedName, default',
    ]);
  });

  it.each([
    ['by name', "import { a } from './a.ts';"],
    ['under another name', "import { a as b } from './a.ts';"],
    ['as a type', "import { type a } from './a.ts';"],
    ['through a re-export', "import './index.ts';", "export { a } from './a.ts';"],
    ['all together', "import * as everything from './a.ts';"],
    ['when it is needed', "await import('./a.ts');"],
    ['as the type of a module', "let b: import('./a.ts').a;"],
  ])('counts what is imported %s', (_, user, index = '') => {
    const root = tree({
      'src/a.ts': 'export const a = 1;',
      'src/user.ts': user,
      'src/pulse/index.ts': index.replace('./', '../'),
    });
    expect(unusedExports(root)).toEqual([]);
  });

  it('sees through a door of which a part is unused', () => {
    const root = tree({
      'src/taskcluster/index.ts': "export { used } from './used.ts';\nexport { unused } from './unused.ts';",
      'src/taskcluster/used.ts': 'export const used = 1;',
      'src/taskcluster/unused.ts': 'export const unused = 1;',
      'src/worker/worker.ts': "import { used } from '../taskcluster/index.ts';",
    });
    expect(unusedExports(root)).toEqual(['src/taskcluster/index.ts: unused']);
  });

  it('lets a type be exported that an exported function speaks of, but not a value', () => {
    const root = tree({
      'src/a.ts': `
        export interface Options { readonly a: number }
        export const limit = 1;
        export function start(options: Options) { return options.a + limit; }`,
      'src/b.ts': "import { start } from './a.ts';",
    });
    expect(unusedExports(root)).toEqual(['src/a.ts: limit']);
  });

  it('lets the public doors export what they like', () => {
    expect(
      unusedExports(tree({ 'src/pulse/index.ts': 'export const connect = 1;', 'src/a.ts': '' })),
    ).toEqual([]);
  });

  it('is not content with a tree that has nothing to look at', () => {
    expect(unusedExports(tree({ 'README.md': '' }))).toEqual([
      'looked at nothing: there is no TypeScript here',
    ]);
  });
});
