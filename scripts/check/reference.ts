import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { referencePages, ROOT } from '../reference/pages.ts';
import { report } from './problems.ts';

/** The pages of the reference that are not what the docstrings say, one line each. */
export async function staleReference(root: string, pages = referencePages(ROOT)): Promise<string[]> {
  return [...(await pages)]
    .filter(
      ([path, text]) => !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text,
    )
    .map(([path]) => `${path} is not what the docstrings say: npm run reference`);
}

if (import.meta.main) report(await staleReference(process.cwd()));
