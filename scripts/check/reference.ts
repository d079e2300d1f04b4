import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { referencePages, ROOT } from '../reference/pages.ts';
import { report } from './problems.ts';

/** Lists the reference pages that differ from the docstrings, and the exports without a docstring, one per line. */
export async function referenceProblems(root: string, pages = referencePages(ROOT)): Promise<string[]> {
  return [...(await pages)].flatMap(([path, text]) => {
    const file = join(root, path);
    const stale = !existsSync(file) || readFileSync(file, 'utf8') !== text;
    const bare = [...text.matchAll(/^### (.+)\n\n```/gm)].map(
      ([, name]) => `${path}: ${name} has no docstring`,
    );
    return stale ? [`${path} is not what the docstrings say: npm run reference`, ...bare] : bare;
  });
}

if (import.meta.main) report(await referenceProblems(process.cwd()));
