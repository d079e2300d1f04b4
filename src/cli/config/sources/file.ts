import { stat } from 'node:fs/promises';
import { readDocument } from '../../documents/read-file.ts';
import { objectSource } from './object-source.ts';
import { cannotLoad } from '../problem.ts';
import { readableByOthers } from '../checks/exposure.ts';
import type { Source } from '../source.ts';

/**
 * Reads a configuration file, JSON or YAML 1.2. `null` means that the file does not set the property. As in
 * generic-worker, the case of names does not matter.
 */
export async function file(path: string): Promise<Source> {
  const place = `file ${path}`;
  const read = await readDocument(path, place);
  if ('problems' in read)
    return { settings: new Map(), problems: read.problems.map(cannotLoad), unreadable: true };

  const content = read.content ?? {};
  if (typeof content !== 'object' || Array.isArray(content)) {
    const problem = cannotLoad(`${place} must contain one object with property names and values`);
    return { settings: new Map(), problems: [problem], unreadable: true };
  }
  const { settings, problems, warnings = [] } = objectSource(content, place);
  const mode = await stat(path).then(
    found => found.mode,
    () => 0,
  );
  return { settings, problems, warnings: [...warnings, ...readableByOthers(path, mode, settings)] };
}
