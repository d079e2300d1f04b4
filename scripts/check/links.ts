import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { report } from './problems.ts';

/** Lists the relative links in a folder's Markdown that lead to no file, one per line. */
export function brokenLinks(root: string): string[] {
  const pages = globSync('**/*.md', {
    cwd: root,
    exclude: name => name === 'node_modules' || name === 'dist',
  });
  if (pages.length === 0) return ['looked at nothing: there is no Markdown here'];
  return pages.sort().flatMap(page =>
    linksOf(readFileSync(join(root, page), 'utf8'))
      .filter(link => !existsSync(join(root, dirname(page), link)))
      .map(link => `${page}: ${link}`),
  );
}

/** Returns the links to other files, without their `#section`. Code is skipped. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replaceAll(/^ *(```|~~~)[^]*?^ *\1/gm, '').replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(<?([^()\s>]+)>?[^()]*\)|^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)/gm)]
    .map(([, inline, reference]) => (inline ?? reference ?? '').replace(/#.*$/, ''))
    .filter(link => link !== '' && !/^[a-z][a-z0-9+.-]*:|^\//i.test(link))
    .map(decodeURIComponent);
}

if (import.meta.main) report(brokenLinks(process.cwd()));
