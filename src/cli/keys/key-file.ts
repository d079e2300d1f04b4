import { open, unlink } from 'node:fs/promises';
import type { Secret } from '../../base/index.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';

/**
 * Writes a private key to a new file that only its owner may read. The key is on the disk when the promise resolves,
 * because the public key is handed out next.
 *
 * @throws Failure when the file exists already or cannot be written. No partial key is left behind
 */
export async function writeKeyFile(file: string, key: Secret): Promise<void> {
  const handle = await open(file, 'wx', 0o600).catch((error: unknown) => {
    throw failure(file, error);
  });
  try {
    await handle.writeFile(`${key.reveal().trimEnd()}\n`);
    await handle.sync();
  } catch (error) {
    await unlink(file).catch(() => undefined);
    throw failure(file, error);
  } finally {
    await handle.close();
  }
}

function failure(file: string, error: unknown): Failure {
  const { code, message } = error as NodeJS.ErrnoException;
  const problem =
    code === 'EEXIST'
      ? `${file} exists, and a key that is overwritten is lost: choose another file, or remove it first`
      : `${file} cannot be written: ${message}`;
  return new Failure(EXIT_CODES.noKeyPair.code, problem, { cause: error });
}
