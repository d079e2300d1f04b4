import { posix } from 'node:path';
import type { ArtifactSpec } from '../task-spec.ts';

/** The name that a payload gives an artifact, or the path that it then goes by, written plainly. */
export function artifactName({ name, path }: ArtifactSpec): string {
  return name ?? posix.normalize(path).replace(/\/$/, '');
}

/**
 * What is wrong with an artifact's name, if anything. The queue takes many names that break it or the upload later:
 * past 1,024 characters a run's artifacts can never be listed again, and names outside of ASCII, with line breaks, or with
 * empty parts fail while they are uploaded.
 */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'its name is empty';
  if (name.length > 1_024) return `its name has ${name.length} characters, more than 1,024`;
  if (!/^[\x20-\x7e]+$/.test(name)) return 'its name holds other characters than printable ASCII';
  if (name.startsWith('/') || name.includes('//'))
    return 'its name holds an empty part (a leading or a double slash)';
  if (name.split('/').some(part => part === '.' || part === '..')) {
    return 'a part of its name is . or .., which a URL does not keep';
  }
  const long = name.split('/').find(part => part.length > 255);
  return long === undefined ? undefined : `a part of its name has ${long.length} characters, more than 255`;
}

/** What a task should know of an artifact's name that works all the same, if anything. */
export function nameWarning(name: string): string | undefined {
  return name.includes('%')
    ? 'the queue answers getArtifact with 500 for a name with a %, though it stores the artifact'
    : undefined;
}
