import { describe, expect, it } from 'vitest';
import { dependencyProblems } from '../../scripts/check/dependencies.ts';
import { tree } from './tree.ts';

describe('the dependency check', () => {
  it('passes if each package is listed where it is used', () => {
    const root = tree({
      'package.json': JSON.stringify({
        name: 'tcw',
        dependencies: { rxjs: '1', '@scope/one': '1', yaml: '1' },
        devDependencies: { vitest: '1', prettier: '1' },
      }),
      'src/a.ts':
        "import { of } from 'rxjs';\nimport 'node:fs';\nimport 'fs';\nimport './b.ts';\nimport 'tcw/pulse';",
      'src/b.ts': "import type { One } from '@scope/one/types';\nexport const parse = () => import('yaml');",
      'test/a.test.ts': "import { it } from 'vitest';\nimport { TestScheduler } from 'rxjs/testing';",
    });
    expect(dependencyProblems(root)).toEqual([]);
  });

  it('reports a listed package that nothing uses, or that only tests use', () => {
    const root = tree({
      'package.json': JSON.stringify({
        dependencies: { rxjs: '1', yaml: '1' },
        devDependencies: { eslint: '1' },
      }),
      'test/a.test.ts': "import 'rxjs';",
    });
    expect(dependencyProblems(root)).toEqual([
      'eslint is in devDependencies, and nothing uses it',
      'rxjs is in dependencies, and neither src nor bin imports it',
      'yaml is in dependencies, and neither src nor bin imports it',
    ]);
  });

  it('reports a package that is used, but not listed, or only listed for development', () => {
    const root = tree({
      'package.json': JSON.stringify({ devDependencies: { yaml: '1' } }),
      'src/a.ts': "import 'yaml';\nimport 'rxjs';",
      'bench/a.ts': "import 'got';",
    });
    expect(dependencyProblems(root)).toEqual([
      'got is imported, and not in package.json',
      'rxjs is imported by src or bin, and not in dependencies',
      'yaml is imported by src or bin, and not in dependencies',
    ]);
  });

  it('accepts peers that are installed for development, and the packages of workspaces', () => {
    const manifest = (devDependencies: object) => ({
      'package.json': JSON.stringify({
        peerDependencies: { rxjs: '1' },
        devDependencies,
        workspaces: ['packages/other'],
      }),
      'packages/other/package.json': JSON.stringify({ name: 'other' }),
      'src/a.ts': "import 'rxjs';",
      'test/a.ts': "import 'other/entry';",
    });
    expect(dependencyProblems(tree(manifest({ rxjs: '1' })))).toEqual([]);
    expect(dependencyProblems(tree(manifest({})))).toEqual([
      'rxjs is in peerDependencies, and not in devDependencies',
    ]);
  });

  it('fails if there is nothing to check', () => {
    expect(dependencyProblems(tree({ 'package.json': '{}' }))).toEqual([
      'looked at nothing: there is no code here',
    ]);
  });
});
