import { posix } from 'node:path';
import type { ArtifactSpec } from '../task-spec.ts';

/** Returns the name of a payload's artifact: the given one, or its path in normal form. */
export function artifactName({ name, path }: ArtifactSpec): string {
  return name ?? posix.normalize(path).replace(/\/$/, '');
}

/**
 * Returns the problem with an artifact's name, or undefined. The queue accepts many names that cause trouble
 * later. With more than 1,024 characters, a run's artifacts can never be listed again. Non-ASCII names and
 * names with line breaks or empty parts fail during the upload.
 */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'its name is empty';
  if (name.length > 1_024) return `its name has ${name.length} characters, more than 1,024`;
  if (!/^[\x20-\x7e]+$/.test(name)) return 'its name contains characters other than printable ASCII';
  if (name.startsWith('/') || name.includes('//'))
    return 'its name contains an empty part (a leading or double slash)';
  if (name.split('/').some(part => part === '.' || part === '..')) {
    return 'a part of its name is . or .., which URLs do not preserve';
  }
  const long = name.split('/').find(part => part.length > 255);
  return long === undefined ? undefined : `a part of its name has ${long.length} characters, more than 255`;
}

/** Returns a warning for a usable name that has a drawback, or undefined. */
export function nameWarning(name: string): string | undefined {
  return name.includes('%')
    ? 'the queue answers getArtifact with 500 for a name with a %, though it stores the artifact'
    : undefined;
}
