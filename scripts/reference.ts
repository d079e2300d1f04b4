// `npm run reference`: writes docs/pulse/reference from the docstrings of src/pulse.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { referencePages, ROOT } from './reference/pages.ts';

for (const [path, text] of await referencePages(ROOT)) {
  mkdirSync(dirname(join(ROOT, path)), { recursive: true });
  writeFileSync(join(ROOT, path), text);
}
