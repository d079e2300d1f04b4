import type { ICruiseResult } from 'dependency-cruiser';
import { describe, expect, it } from 'vitest';
import { floorProblems } from '../../scripts/check/floors.ts';
import { tree } from './tree.ts';

const door = (folder: string) => ({ [`src/${folder}/index.ts`]: `export const ${folder} = 1;\n` });
const imports = (...modules: string[]) => modules.map(module => `import '${module}';\n`).join('');

describe('the floors check', () => {
  it('passes if imports lead downwards, through index.ts', async () => {
    const root = tree({
      ...door('pulse'),
      'src/streams/index.ts': imports('../pulse/index.ts', './deadline.ts'),
      'src/streams/deadline.ts': 'export const deadline = 1;\n',
      'src/worker/index.ts': imports('../streams/index.ts', './engines/native/index.ts', 'node:fs'),
      'src/worker/engines/native/index.ts': imports('../engine.ts'),
      'src/worker/engines/engine.ts': 'export type Engine = string;\n',
    });
    expect(await floorProblems(root)).toEqual([]);
  });

  it.each([
    [
      'an import from a floor above',
      'src/pulse/index.ts',
      '../taskcluster/index.ts',
      'pulse-imports-no-floor-above',
    ],
    ['an import past the door', 'src/worker/index.ts', '../pulse/inside.ts', 'floors-meet-at-the-door'],
    [
      'an engine that knows the worker',
      'src/worker/engines/native/index.ts',
      '../../claim.ts',
      'engines-know-no-worker',
    ],
    [
      'a feature that knows the claim',
      'src/worker/features/env.ts',
      '../claim.ts',
      'features-know-little-of-the-worker',
    ],
    [
      'a way round the door of an engine',
      'src/worker/claim.ts',
      './engines/native/keeper.ts',
      'engines-and-features-have-doors-too',
    ],
    ['an import of a test', 'src/pulse/index.ts', '../../test/broker.ts', 'src-stands-alone'],
    ['an import of nothing', 'src/pulse/index.ts', './missing.ts', 'imports-resolve'],
  ])('sees %s', async (_, from, to, rule) => {
    const root = tree({
      ...door('taskcluster'),
      'src/pulse/inside.ts': 'export const inside = 1;\n',
      'src/worker/claim.ts': 'export const claim = 1;\n',
      'src/worker/engines/native/keeper.ts': 'export const keeper = 1;\n',
      'test/broker.ts': 'export const broker = 1;\n',
      [from]: imports(to),
    });
    const problems = await floorProblems(root);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${rule}: ${from} → `));
  });

  it('detects type-only imports', async () => {
    const root = tree({
      'src/pulse/index.ts':
        "import type { Queue } from '../taskcluster/index.ts';\nexport type Pulse = Queue;\n",
      'src/taskcluster/index.ts': 'export type Queue = string;\n',
    });
    expect(await floorProblems(root)).toEqual([
      'pulse-imports-no-floor-above: src/pulse/index.ts → src/taskcluster/index.ts',
    ]);
  });

  it('detects a cycle of types, and reports it once', async () => {
    const root = tree({
      'src/pulse/a.ts': "import type { B } from './b.ts';\nexport type A = B | 1;\n",
      'src/pulse/b.ts': "import type { A } from './a.ts';\nexport type B = A[];\n",
    });
    const problems = await floorProblems(root);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^no-cycle: /);
  });

  it('detects a folder that is on no floor', async () => {
    const root = tree({ ...door('pulse'), 'src/utils/strings.ts': 'export const strings = 1;\n' });
    expect(await floorProblems(root)).toEqual(['on no floor: src/utils/strings.ts']);
  });

  it('fails if dependency-cruiser skipped the files, as it does with a TypeScript version that it does not support', async () => {
    const nothing = { modules: [], summary: { violations: [] } } as unknown as ICruiseResult;
    const problems = await floorProblems(tree(door('pulse')), async () => ({ output: nothing, exitCode: 0 }));
    expect(problems).toEqual(['not looked at: src/pulse/index.ts']);
  });

  it('fails if there is nothing to check', async () => {
    expect(await floorProblems(tree({ 'README.md': '' }))).toEqual([
      'looked at nothing: there is no TypeScript under src',
    ]);
  });
});
