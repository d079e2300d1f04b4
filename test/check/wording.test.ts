import { describe, expect, it } from 'vitest';
import { splitCannots } from '../../scripts/check/wording.ts';
import { tree } from './tree.ts';

const SPLIT = ['can', 'not'].join(' ');

describe('the wording check', () => {
  it('reports each line that splits "cannot", in documents, code and comments', () => {
    const root = tree({
      'README.md': `A task\n${SPLIT} do that. It ${SPLIT} do this.\n`,
      'src/a.ts': `const message = 'you ${SPLIT}';\n/**\n * A worker can\n * not\n */\n// It can\n// not.\n`,
    });
    expect(splitCannots(root)).toEqual([
      'README.md:2: write "cannot"',
      'README.md:2: write "cannot"',
      'src/a.ts:1: write "cannot"',
      'src/a.ts:3: write "cannot"',
      'src/a.ts:6: write "cannot"',
    ]);
  });

  it('accepts "cannot", and two words where they are correct', () => {
    const root = tree({
      'README.md': `It cannot. It ${SPLIT} only read but write. What it can nothing else can.\n`,
      'node_modules/a/README.md': SPLIT,
      'src/generated/a.ts': `// ${SPLIT}`,
    });
    expect(splitCannots(root)).toEqual([]);
  });

  it('fails if there is nothing to check', () => {
    expect(splitCannots(tree({ 'a.json': '{}' }))).toEqual([
      'looked at nothing: there are no documents and no code here',
    ]);
  });
});
