import { describe, expect, it } from 'vitest';
import { staleReference } from '../../scripts/check/reference.ts';
import { tree } from './tree.ts';

describe('the check of the reference', () => {
  const pages = Promise.resolve(
    new Map([
      ['docs/a.md', 'as it should be\n'],
      ['docs/b.md', 'as it should be\n'],
    ]),
  );

  it('names the pages that are missing, or not what the docstrings say', async () => {
    const root = tree({ 'docs/a.md': 'as it was\n' });
    expect(await staleReference(root, pages)).toEqual([
      'docs/a.md is not what the docstrings say: npm run reference',
      'docs/b.md is not what the docstrings say: npm run reference',
    ]);
  });

  it('is content with pages as they should be', async () => {
    const root = tree({ 'docs/a.md': 'as it should be\n', 'docs/b.md': 'as it should be\n' });
    expect(await staleReference(root, pages)).toEqual([]);
  });
});
