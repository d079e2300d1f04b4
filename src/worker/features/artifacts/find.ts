import { posix, relative, resolve, sep } from 'node:path';
import { artifactName } from '../../artifacts/name.ts';
import type { ErrorOptions } from '../../artifacts/sink.ts';
import { closeSource, type FileSource } from '../../files/file-source.ts';
import type { NotOpened, Opened, OpenedFile, TaskFiles } from '../../files/task-files.ts';
import type { ArtifactSpec } from '../../task-spec.ts';

/** A file to upload, or the reason why there is none. */
export type Found = FoundFile | NotFound;

export interface FoundFile {
  readonly name: string;
  readonly file: string;
  /** The receiver closes it. */
  readonly source: FileSource;
  /** In bytes. */
  readonly size: number;
}

export interface NotFound {
  readonly name: string;
  readonly file: string;
  readonly reason: ErrorOptions['reason'];
  readonly message: string;
}

/** An artifact that a payload asks for, by its name. */
export interface Wanted {
  readonly name: string;
  /**
   * Opens and examines the file. Call it once. Undefined for a link to a directory inside a directory, which is
   * skipped.
   */
  readonly open: () => Promise<Found | undefined>;
}

/**
 * Finds the artifacts that a payload asks for. A directory becomes its files, each named after its path. They
 * are yielded on demand, because there may be more of them than fit into the worker's memory.
 *
 * @param home the start of relative paths, as the task sees it
 * @param signal ends the search
 * @throws Error when this machine has run out of a resource
 */
export async function* findArtifact(
  request: ArtifactSpec,
  files: TaskFiles,
  home: string,
  signal?: AbortSignal,
): AsyncGenerator<Wanted, void, undefined> {
  const path = resolve(home, request.path);
  const name = artifactName(request);
  if (request.type === 'file') {
    yield { name, open: async () => examineFile(await files.open(request.path), path, name) };
    return;
  }
  const opened = await files.open(request.path);
  if (opened.kind === 'directory') {
    yield* filesBelow(path, name, files, signal);
    return;
  }
  if (opened.kind === 'file') await closeSource(opened.source);
  yield { name, open: () => Promise.resolve(noDirectory(path, name, opened)) };
}

function examineFile(opened: Opened, path: string, name: string): Found {
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
  files: TaskFiles,
  signal: AbortSignal | undefined,
): AsyncGenerator<Wanted, void, undefined> {
  for await (const path of files.walk(directory, signal)) {
    // As in generic-worker, a slash at the end of the name is ignored.
    const below = posix.join(name, relative(directory, path).split(sep).join('/'));
    const open = async () => {
      const opened = await files.open(path);
      // A link to a directory is not a file. It is not followed either, because that might never end.
      return opened.kind === 'directory' ? undefined : foundAs(below, path, opened);
    };
    yield { name: below, open };
  }
}

function foundAs(name: string, path: string, opened: OpenedFile | NotOpened): Found {
  if (opened.kind !== 'file') return notFound(name, path, opened);
  const { file, source, size } = opened;
  return { name, file, source, size };
}

function notFound(name: string, file: string, opened: NotOpened): NotFound {
  switch (opened.kind) {
    case 'missing':
      return missing(name, file, `Could not read file '${file}'`);
    case 'outside':
      return invalid(name, file, `'${file}' is outside the task's folder`);
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
