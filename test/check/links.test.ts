import { describe, expect, it } from 'vitest';
import { brokenLinks } from '../../scripts/check/links.ts';
import { tree } from './tree.ts';

describe('the check of the links', () => {
  it('names relative links that lead nowhere', () => {
    const root = tree({
      'README.md': '[a](docs/a.md) [gone](docs/gone.md#part) ![image](gone.png "title")\n\n[ref]: other.md',
      'docs/a.md': '[up](../README.md#a) [folder](../docs) [gone](README.md)',
    });
    expect(brokenLinks(root)).toEqual([
      'README.md: docs/gone.md',
      'README.md: gone.png',
      'README.md: other.md',
      'docs/a.md: README.md',
    ]);
  });

  it('leaves addresses, sections of the same page and code alone', () => {
    const root = tree({
      'README.md':
        '[a](https://example.com/x) [b](#part) [c](mailto:a@example.com) `[d](d.md)`\n```\n[e](e.md)\n```\n',
    });
    expect(brokenLinks(root)).toEqual([]);
  });

  it('is not content with a tree that has nothing to look at', () => {
    expect(brokenLinks(tree({ 'a.ts': '' }))).toEqual(['looked at nothing: there is no Markdown here']);
  });
});
