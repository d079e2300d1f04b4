import { readdir, type FileHandle } from 'node:fs/promises';
import { join, posix, relative, resolve, sep } from 'node:path';
import type { PostArtifactRequest } from '../../../queue/index.ts';
import type { RunFolder } from '../../files/run-folder.ts';
import { shortageOf } from '../../shortage.ts';
import type { ArtifactRequest } from '../payload.ts';
import { artifactName } from './name.ts';
import { openInside, type NotOpened, type OpenedFile } from './open.ts';

export type ArtifactErrorReason = Extract<PostArtifactRequest, { storageType: 'error' }>['reason'];

/** A file to upload, or why there is none. */
export type Found = FoundFile | NotFound;

export interface FoundFile {
  readonly name: string;
  readonly file: string;
  /** Open for reading, and to be closed by whoever gets it. */
  readonly handle: FileHandle;
  readonly size: number;
}

export interface NotFound {
  readonly name: string;
  readonly file: string;
  readonly reason: ArtifactErrorReason;
  readonly message: string;
}

/** Something that a payload wants uploaded, by its name. */
export interface Wanted {
  readonly name: string;
  /** Looks at it, which has to be done once. Undefined for what is passed over: a link to a directory inside of one. */
  readonly look: () => Promise<Found | undefined>;
}

/**
 * Finds what a payload wants uploaded. A directory becomes its files, each named after where it lies. They come one by one,
 * as they are asked for: there may be more of them than a worker has memory for.
 *
 * @throws Error when this machine has run out of something
 */
export async function* findArtifact(
  request: ArtifactRequest,
  folder: RunFolder,
): AsyncGenerator<Wanted, void, undefined> {
  const path = resolve(folder.path, request.path);
  const name = artifactName(request);
  if (request.type === 'file') {
    yield { name, look: () => lookAtFile(path, name, folder) };
    return;
  }
  const opened = await openInside(path, folder);
  if (opened.kind === 'directory') {
    yield* filesBelow(path, name, folder);
    return;
  }
  if (opened.kind === 'file') await opened.handle.close();
  yield { name, look: () => Promise.resolve(noDirectory(path, name, opened)) };
}

async function lookAtFile(path: string, name: string, folder: RunFolder): Promise<Found> {
  const opened = await openInside(path, folder);
  return opened.kind === 'directory'
    ? invalid(name, path, `File artifact '${path}' exists as a directory, not a file, on the worker`)
    : foundAs(name, path, opened);
}

function noDirectory(path: string, name: string, opened: OpenedFile | NotOpened): NotFound {
  if (opened.kind === 'file') {
    return invalid(
      name,
      path,
      `Directory artifact '${path}' exists as a file, not a directory, on the worker`,
    );
  }
  if (opened.kind === 'missing') return missing(name, path, `Could not read directory '${path}'`);
  return notFound(name, path, opened);
}

async function* filesBelow(
  directory: string,
  name: string,
  folder: RunFolder,
): AsyncGenerator<Wanted, void, undefined> {
  for await (const path of pathsBelow(directory)) {
    // As in generic-worker, a slash at the end of the name counts for nothing.
    const below = posix.join(name, relative(directory, path).split(sep).join('/'));
    const look = async () => {
      const opened = await openInside(path, folder);
      // A link to a directory is neither a file nor walked into: that could go on for ever.
      return opened.kind === 'directory' ? undefined : foundAs(below, path, opened);
    };
    yield { name: below, look };
  }
}

/**
 * All that is in a directory, however deep, but directories, in generic-worker's order. One that can not be read stands for
 * what is in it. `readdir` can do that too, but follows links to directories: round in circles, and out of the run's folder.
 */
async function* pathsBelow(directory: string): AsyncGenerator<string, void, undefined> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(unlessShortage);
  if (!entries) {
    yield directory;
    return;
  }
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* pathsBelow(path);
    else yield path;
  }
}

/** Passes over what is wrong with a directory, but not over what is wrong with this machine. */
function unlessShortage(error: unknown): undefined {
  if (shortageOf(error) !== undefined) throw error;
}

function foundAs(name: string, path: string, opened: OpenedFile | NotOpened): Found {
  if (opened.kind !== 'file') return notFound(name, path, opened);
  const { file, handle, size } = opened;
  return { name, file, handle, size };
}

function notFound(name: string, file: string, opened: NotOpened): NotFound {
  switch (opened.kind) {
    case 'missing':
      return missing(name, file, `Could not read file '${file}'`);
    case 'outside':
      return invalid(name, file, `'${file}' lies outside of the task's folder`);
    case 'neither':
      return invalid(name, file, `'${file}' is neither a file nor a directory`);
    case 'unreadable': {
      const message = `Could not read '${file}': ${opened.error.message}`;
      return { name, file, reason: 'file-not-readable-on-worker', message };
    }
  }
}

function missing(name: string, file: string, message: string): NotFound {
  return { name, file, reason: 'file-missing-on-worker', message };
}

function invalid(name: string, file: string, message: string): NotFound {
  return { name, file, reason: 'invalid-resource-on-worker', message };
}
