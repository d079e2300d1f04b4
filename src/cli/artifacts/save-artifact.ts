import { createWriteStream } from 'node:fs';
import { constants, lstat, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { randomUUID } from 'node:crypto';
import { Failure } from '../words/failure.ts';

/** EX_CANTCREAT of sysexits.h. */
const CANNOT_WRITE = 73;

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'it is not a folder',
  EISDIR: 'there is a folder in its place',
  ELOOP: 'there is a symbolic link in its place',
  ENOENT: 'no folder can be made there',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is not a folder',
  EROFS: 'the disk is read-only',
};

/**
 * Creates the folder that artifacts are written to.
 *
 * @returns its path, without symbolic links
 * @throws Failure 73
 */
export async function artifactFolder(path: string): Promise<string> {
  if (path === '') throw new Failure(CANNOT_WRITE, 'the folder for artifacts has no name');
  try {
    await makeFolders(resolve(path));
    return await realpath(path);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/**
 * Writes a file below a folder, replacing an older one. The file appears only when it is complete.
 *
 * The task may have chosen the parts of the path, and may have left symbolic links in the folder. This function never
 * writes through a symbolic link.
 *
 * @param root the path that {@link artifactFolder} returned
 * @param parts the parts of the path that `artifactPaths` returned
 * @returns the path of the file
 * @throws Failure 73, or the error that reading the content threw
 */
export async function saveArtifact(
  root: string,
  parts: readonly string[],
  content: AsyncIterable<Uint8Array>,
): Promise<string> {
  const folders = parts.slice(0, -1);
  const file = join(root, ...parts);
  if (!file.startsWith(root.endsWith(sep) ? root : root + sep))
    throw new Error('the path leaves the folder for artifacts');
  let folder = root;
  for (const part of folders) {
    folder = join(folder, part);
    await makeFolder(folder);
  }
  if ((await realpath(folder)) !== folder) throw cannotWrite(folder, { code: 'ELOOP' });
  const incomplete = join(folder, `.${randomUUID()}.part`);
  try {
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
    const handle = await open(incomplete, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o666);
    await pipeline(content, createWriteStream(incomplete, { fd: handle }));
    await rename(incomplete, file);
    return file;
  } catch (error) {
    await rm(incomplete, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    throw code !== undefined && code in REASONS ? cannotWrite(file, error) : error;
  }
}

/**
 * Makes a folder and those above it. Node's own `recursive` never ends where no folder can be made, as in /proc.
 *
 * @param notFolder the code of the error for a file in its place
 */
async function makeFolders(path: string, notFolder = 'EEXIST'): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  if (found) throw Object.assign(new Error('no folder'), { code: notFolder });
  if (dirname(path) !== path) await makeFolders(dirname(path), 'ENOTDIR');
  await mkdir(path).catch(unlessPresent);
}

function unlessPresent(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder).catch(unlessPresent);
    const found = await lstat(folder);
    if (found.isSymbolicLink()) throw Object.assign(new Error('symbolic link'), { code: 'ELOOP' });
    if (!found.isDirectory()) throw Object.assign(new Error('no folder'), { code: 'ENOTDIR' });
  } catch (error) {
    throw cannotWrite(folder, error);
  }
}

function cannotWrite(path: string, error: unknown): Failure {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return new Failure(
    CANNOT_WRITE,
    `${JSON.stringify(path)} cannot be written: ${REASONS[code] ?? (code || message)}`,
    {
      cause: error,
    },
  );
}
