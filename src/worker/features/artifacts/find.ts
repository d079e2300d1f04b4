import { open, readdir, realpath, stat } from 'node:fs/promises';
import { join, posix, relative, resolve, sep } from 'node:path';
import type { PostArtifactRequest } from '../../../queue/index.ts';
import type { ArtifactRequest } from '../payload.ts';
import { artifactName } from './name.ts';

export type ArtifactErrorReason = Extract<PostArtifactRequest, { storageType: 'error' }>['reason'];

/** A file to upload, or why there is none. */
export type Found =
  | { readonly name: string; readonly file: string; readonly size: number }
  | {
      readonly name: string;
      readonly file: string;
      readonly reason: ArtifactErrorReason;
      readonly message: string;
    };

/**
 * Finds what a payload wants uploaded. A directory becomes its files, each named after where it lies; links are
 * followed, but not out of the run's folder: the worker reads with rights that the task may not have.
 */
export async function findArtifact(request: ArtifactRequest, folder: string): Promise<Found[]> {
  const path = resolve(folder, request.path);
  const name = artifactName(request);
  const lookedAt = await look(path, folder);
  if (!('file' in lookedAt)) {
    const missing = lookedAt.reason === 'file-missing-on-worker';
    const message =
      missing && request.type === 'directory' ? `Could not read directory '${path}'` : lookedAt.message;
    return [{ name, file: path, ...lookedAt, message }];
  }
  if (request.type === 'file') {
    return lookedAt.directory
      ? [invalid(name, path, `File artifact '${path}' exists as a directory, not a file, on the worker`)]
      : [{ name, file: lookedAt.file, size: lookedAt.size }];
  }
  if (!lookedAt.directory) {
    return [
      invalid(name, path, `Directory artifact '${path}' exists as a file, not a directory, on the worker`),
    ];
  }
  return filesBelow(path, name, folder);
}

async function filesBelow(directory: string, name: string, folder: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const path of await pathsBelow(directory)) {
    // As in generic-worker, a slash at the end of the name counts for nothing.
    const below = posix.join(name, relative(directory, path).split(sep).join('/'));
    const lookedAt = await look(path, folder);
    if (!('file' in lookedAt)) found.push({ name: below, file: path, ...lookedAt });
    // A link to a directory is neither a file nor walked into: that could go on for ever.
    else if (!lookedAt.directory) found.push({ name: below, file: lookedAt.file, size: lookedAt.size });
  }
  return found;
}

/**
 * All that is in a directory, however deep, but directories. One that can not be read stands for what is in it.
 * `readdir` can do that too, but follows links to directories: round in circles, and out of the run's folder.
 */
async function pathsBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => undefined);
  if (!entries) return [directory];
  const paths: string[] = [];
  for (const entry of entries) {
    const path = join(directory, entry.name);
    paths.push(...(entry.isDirectory() ? await pathsBelow(path) : [path]));
  }
  return paths.sort();
}

type LookedAt =
  | { readonly file: string; readonly size: number; readonly directory: boolean }
  | { readonly reason: ArtifactErrorReason; readonly message: string };

async function look(path: string, folder: string): Promise<LookedAt> {
  try {
    const file = await realpath(path);
    const home = await realpath(folder);
    if (file !== home && !file.startsWith(home + sep)) {
      return { reason: 'invalid-resource-on-worker', message: `'${path}' lies outside of the task's folder` };
    }
    const { size, isFile, isDirectory } = await stats(file);
    if (!isFile && !isDirectory) {
      return { reason: 'invalid-resource-on-worker', message: `'${path}' is neither a file nor a directory` };
    }
    const handle = await open(file);
    await handle.close();
    return { file, size, directory: isDirectory };
  } catch (error) {
    const missing = ['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '');
    return missing
      ? { reason: 'file-missing-on-worker', message: `Could not read file '${path}'` }
      : {
          reason: 'file-not-readable-on-worker',
          message: `Could not read '${path}': ${(error as Error).message}`,
        };
  }
}

async function stats(file: string) {
  const status = await stat(file);
  return { size: status.size, isFile: status.isFile(), isDirectory: status.isDirectory() };
}

function invalid(name: string, file: string, message: string): Found {
  return { name, file, reason: 'invalid-resource-on-worker', message };
}
