import { describe, expect, it } from 'vitest';
import { referenceProblems } from '../../scripts/check/reference.ts';
import { tree } from './tree.ts';

describe('the reference check', () => {
  const pages = Promise.resolve(
    new Map([
      ['docs/a.md', 'as it should be\n'],
      ['docs/b.md', 'as it should be\n'],
    ]),
  );

  it('reports pages that are missing or differ from the docstrings', async () => {
    const root = tree({ 'docs/a.md': 'as it was\n' });
    expect(await referenceProblems(root, pages)).toEqual([
      'docs/a.md is not what the docstrings say: npm run reference',
      'docs/b.md is not what the docstrings say: npm run reference',
    ]);
  });

  it('reports an export without a docstring', async () => {
    const text = '### told\n\nWhat it is.\n\n```ts\n```\n\n### bare\n\n```ts\n```\n';
    const root = tree({ 'docs/a.md': text });
    expect(await referenceProblems(root, Promise.resolve(new Map([['docs/a.md', text]])))).toEqual([
      'docs/a.md: bare has no docstring',
    ]);
  });

  it('passes if the pages are up to date', async () => {
    const root = tree({ 'docs/a.md': 'as it should be\n', 'docs/b.md': 'as it should be\n' });
    expect(await referenceProblems(root, pages)).toEqual([]);
  });
});
