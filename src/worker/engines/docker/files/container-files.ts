import { posix } from 'node:path';
import { isBelow } from '../../../files/is-below.ts';
import { permits } from '../../../files/permits.ts';
import type { Opened, TaskFiles } from '../../../files/task-files.ts';
import { codeOf, DockerError, hasStatus, type DockerClient } from '../api/index.ts';
import { fileStream } from './file-stream.ts';
import { Listing } from './listing.ts';
import { archivePath, statOf } from './path-stat.ts';
import type { TarEntry } from '../tar/tar-entries.ts';

/** How files are read. */
export interface ReadingFiles {
  /** Path prefix for temporary files. */
  readonly beside: string;
  /** Longest pause of the engine within an archive, in ms. */
  readonly silenceMs: number;
}

/** How many of the small files found last are kept until they are opened. */
const MAX_RECENT = 64;

/**
 * The files of a container as its processes see them. The engine reads them, and follows links inside the container only.
 *
 * @param containerId of the container that ran last; undefined before the first
 */
export function containerFiles(
  client: DockerClient,
  containerId: () => string | undefined,
  { beside, silenceMs }: ReadingFiles,
): TaskFiles {
  // An engine locks a container until its archive has been read. Queueing here keeps a call from waiting for that lock
  // until its time limit.
  const turns = permits(1);
  const folders = new Map<string, Promise<string>>();
  const folderOf = (id: string) => {
    const known = folders.get(id) ?? startFolder(client, id);
    folders.set(id, known);
    return known;
  };
  const recent = recentFiles();

  const open = async (path: string): Promise<Opened> => {
    const id = containerId();
    if (id === undefined) return { kind: 'missing' };
    const folder = await folderOf(id);
    const file = posix.resolve(folder, path);
    if (!posix.isAbsolute(path) && !isBelow(file, folder)) return { kind: 'outside' };
    const found = await turns.with(() => statOf(client, id, file));
    if (found === undefined) return { kind: 'missing' };
    if (found.kind !== 'file') return { kind: found.kind };
    const source = fileStream(client, { containerId: id, path: found.path, turns, silenceMs });
    return { kind: 'file', file: found.path, source, size: found.size };
  };

  const list = async (
    id: string,
    directory: string,
    signal: AbortSignal | undefined,
  ): Promise<Listing | undefined> => {
    signal?.throwIfAborted();
    const found = await statOf(client, id, directory);
    if (found?.kind !== 'directory') return undefined;
    const query = { path: found.path };
    try {
      const { body } = await client.stream({
        method: 'GET',
        path: archivePath(id),
        query,
        silenceMs,
        // No size limit: files with holes can claim any size.
        signal,
      });
      return await Listing.of(unbroken(body, found.path), nameBelow(found.path), beside);
    } catch (error) {
      signal?.throwIfAborted();
      if (hasStatus(error, 403, 404, 500)) return undefined;
      throw error;
    }
  };

  return {
    atOnce: 1,
    open: async path => recent.take(path) ?? open(path).catch(unreadable),
    walk: async function* (path, signal) {
      const id = containerId();
      const directory = id === undefined ? path : posix.resolve(await folderOf(id), path);
      // Files are opened during the walk, so the whole archive has to be read first.
      await using listing =
        id === undefined ? undefined : await turns.with(() => list(id, directory, signal));
      if (!listing) {
        yield directory;
        return;
      }
      for await (const { name, content } of listing) {
        const file = posix.join(directory, name);
        if (content) recent.keep(file, content);
        yield file;
      }
    },
  };
}

/** Small files that a walk has just found. Most are opened soon after. */
function recentFiles() {
  const files = new Map<string, Buffer>();
  return {
    keep: (file: string, content: Buffer): void => {
      files.set(file, content);
      const [oldest] = files.keys();
      if (files.size > MAX_RECENT && oldest !== undefined) files.delete(oldest);
    },
    take: (file: string): Opened | undefined => {
      const content = files.get(file);
      if (!content || !files.delete(file)) return undefined;
      return { kind: 'file', file, source: content, size: content.length };
    },
  };
}

/** @throws DockerError that names what was being read when the engine went away */
async function* unbroken(
  archive: AsyncIterable<Buffer>,
  path: string,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* archive;
  } catch (error) {
    const code = codeOf(error) ?? 'no more came';
    throw new DockerError(`the Docker engine broke off in the middle of ${path} (${code})`, { cause: error });
  }
}

/** The path of an archive's entry relative to the directory. All names begin with the directory's name, if it has one. */
function nameBelow(directory: string): (entry: TarEntry) => string {
  const prefix = directory === '/' ? /^\.?\// : /^\/?[^/]*\//;
  return ({ name }) => name.replace(prefix, '');
}

/** Where commands start in a container. */
async function startFolder(client: DockerClient, id: string): Promise<string> {
  const { Config } = await client.json<{ Config: { WorkingDir: string } }>({
    method: 'GET',
    path: `/containers/${id}/json`,
  });
  return posix.resolve('/', Config.WorkingDir);
}

/** The result for a file that the engine cannot read. @throws any other error */
function unreadable(error: unknown): Opened {
  if (error instanceof DockerError && error.status !== undefined) return { kind: 'unreadable', error };
  throw error;
}
