import { isAbsolute, normalize } from 'node:path';
import type { ContentSpec, MountSpec } from '../../task-spec.ts';
import { decodedBase64 } from './base64.ts';

/**
 * Returns the problems with the mounts of a task, one line each.
 *
 * @param dependencies the tasks that the task depends on
 */
export function mountProblems(mounts: readonly MountSpec[], dependencies: readonly string[]): string[] {
  const problems = mounts.flatMap((mount, index) =>
    [pathProblem(mount), contentProblem(mount.content)].flatMap(problem =>
      problem === undefined ? [] : [`mounts[${index}]: ${problem}`],
    ),
  );
  return [...problems, ...dependencyProblems(mounts, dependencies), ...clashes(mounts)];
}

function pathProblem({ kind, path }: MountSpec): string | undefined {
  const shown = JSON.stringify(path);
  if (path.includes('\0')) return `the path ${shown} contains a NUL`;
  const target = normalize(path);
  if (!isAbsolute(target) && (target === '..' || target.startsWith('../'))) {
    return `the path ${shown} leads out of the task's folder`;
  }
  // Any number of archives can be unpacked into the task's folder itself.
  const isFolderItself = target === '.' || target === './' || /^\/+$/.test(target);
  if (isFolderItself && kind === 'cache')
    return `a cache cannot be mounted at ${shown}, which exists already`;
  if (kind === 'file' && (isFolderItself || target.endsWith('/'))) return `the path ${shown} names no file`;
  return undefined;
}

function contentProblem(content: ContentSpec | undefined): string | undefined {
  if (content?.kind !== 'base64' || decodedBase64(content.base64) !== undefined) return undefined;
  return 'content.base64 is not base64';
}

/** The wording is generic-worker's. Once for each task. */
function dependencyProblems(mounts: readonly MountSpec[], dependencies: readonly string[]): string[] {
  const taskIds = mounts.flatMap(({ content }) => (content?.kind === 'artifact' ? [content.taskId] : []));
  return [...new Set(taskIds)]
    .filter(taskId => !dependencies.includes(taskId))
    .map(
      taskId => `task.dependencies needs to include ${taskId} since one or more of its artifacts are mounted`,
    );
}

/** Returns mounts that would replace each other. Directories may share a path: their files are merged. */
function clashes(mounts: readonly MountSpec[]): string[] {
  const taken = new Map<string, number>();
  return mounts.flatMap(({ kind, path }, index) => {
    const target = normalize(path).replace(/(?<=.)\/+$/, '');
    const other = taken.get(target);
    if (other === undefined) taken.set(target, index);
    const mayShare = kind === 'directory' && other !== undefined && mounts[other]?.kind !== 'file';
    if (other === undefined || mayShare) return [];
    return [`mounts[${index}]: mounts[${other}] has the same path ${JSON.stringify(path)}`];
  });
}
