import { globSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { report } from './problems.ts';

/** Also matches across the lines of a comment. "Can not only …" is correct. */
const SPLIT_CANNOT = /\bcan(?:\s+(?:\*|\/\/)?)+not\b(?!\s+only)/gi;

/** Lists the places where a folder's documents and code write "cannot" as two words, one per line: `README.md:3`. */
export function splitCannots(root: string): string[] {
  const isElsewhere = (name: string) => ['node_modules', 'dist', 'generated', '.git'].includes(name);
  const files = globSync('**/*.{md,ts,js}', { cwd: root, exclude: isElsewhere });
  if (files.length === 0) return ['looked at nothing: there are no documents and no code here'];
  return files.sort().flatMap(file => {
    const text = readFileSync(join(root, file), 'utf8');
    return Array.from(text.matchAll(SPLIT_CANNOT), ({ index }) => {
      const line = text.slice(0, index).split('\n').length;
      return `${file.replaceAll(sep, '/')}:${line}: write "cannot"`;
    });
  });
}

if (import.meta.main) report(splitCannots(process.cwd()));
