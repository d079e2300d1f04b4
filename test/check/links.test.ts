import { describe, expect, it } from 'vitest';
import { brokenLinks } from '../../scripts/check/links.ts';
import { tree } from './tree.ts';

describe('the link check', () => {
  it('reports relative links to missing files', () => {
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

  it('ignores URLs, sections of the same page, and code', () => {
    const root = tree({
      'README.md':
        '[a](https://example.com/x) [b](#part) [c](mailto:a@example.com) `[d](d.md)`\n```\n[e](e.md)\n```\n',
    });
    expect(brokenLinks(root)).toEqual([]);
  });

  it('fails if there is nothing to check', () => {
    expect(brokenLinks(tree({ 'a.ts': '' }))).toEqual(['looked at nothing: there is no Markdown here']);
  });
});
