import { readFile, stat } from 'node:fs/promises';
import { readEd25519Key, readOpenpgpPrivateKey, Secret } from '../../../base/index.ts';
import type { SigningKeys } from './signed-files.ts';

/** The locations of a worker's keys. Undefined for a key that is not configured. */
export interface KeyFiles {
  readonly ed25519SigningKeyLocation?: string | undefined;
  readonly signingKeyLocation?: string | undefined;
}

/** A configured key cannot be used. The message names the property, the file and the problem. */
export class SigningKeyUnusable extends Error {
  override readonly name = 'SigningKeyUnusable';
}

/**
 * Reads the keys of a worker.
 *
 * @throws SigningKeyUnusable
 */
export async function readKeyFiles(files: KeyFiles): Promise<SigningKeys> {
  const { ed25519SigningKeyLocation, signingKeyLocation } = files;
  const [ed25519, openpgp] = await Promise.all([
    read('ed25519SigningKeyLocation', ed25519SigningKeyLocation, readEd25519Key),
    read('signingKeyLocation', signingKeyLocation, readOpenpgpPrivateKey),
  ]);
  return { ed25519, openpgp };
}

async function read<Key>(
  property: keyof KeyFiles,
  file: string | undefined,
  parse: (text: Secret) => Key | Promise<Key>,
): Promise<Key | undefined> {
  if (file === undefined) return undefined;
  try {
    return await parse(new Secret(await readFile(file, 'utf8')));
  } catch (error) {
    const problem = problemOf(error as NodeJS.ErrnoException);
    throw new SigningKeyUnusable(`${property}: ${file} ${problem}`, { cause: error });
  }
}

function problemOf(error: NodeJS.ErrnoException): string {
  return error.code === undefined ? error.message : `cannot be read: ${error.message}`;
}

/** Whether a worker reads any key from a file. */
export function isAnyKeyFile({ ed25519SigningKeyLocation, signingKeyLocation }: KeyFiles): boolean {
  return ed25519SigningKeyLocation !== undefined || signingKeyLocation !== undefined;
}

/**
 * Whether the modes of the files let other users read one of the keys. Problems with reading a file are
 * reported later.
 */
export async function isOpenToOthers({
  ed25519SigningKeyLocation,
  signingKeyLocation,
}: KeyFiles): Promise<boolean> {
  const files = [ed25519SigningKeyLocation, signingKeyLocation].filter(file => file !== undefined);
  const found = await Promise.all(files.map(file => stat(file).catch(() => undefined)));
  return found.some(key => key && ((key.mode & 0o077) !== 0 || key.uid !== process.getuid?.()));
}
