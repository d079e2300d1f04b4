import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { validator } from '../../../base/index.ts';
import { unpackInto } from '../../../worker/index.ts';
import { RegistrationError } from '../registration-error.ts';

/** A file that a pool puts on its machines, in worker-runner's format. */
export interface PoolFile {
  readonly description?: string;
  /** The path of the file, or of the folder that an archive is unpacked into. */
  readonly path: string;
  /** The content in base64. */
  readonly content: string;
  readonly encoding: 'base64';
  readonly format: 'file' | 'zip';
}

const problemsOf = validator({
  type: 'object',
  properties: {
    description: { type: 'string' },
    path: { type: 'string', minLength: 1, not: { pattern: '\\u0000' } },
    content: { type: 'string', pattern: '^[A-Za-z0-9+/\\s]*=*\\s*$' },
    encoding: { const: 'base64' },
    format: { enum: ['file', 'zip'] },
  },
  required: ['path', 'content', 'encoding', 'format'],
});

export function isPoolFile(value: unknown): value is PoolFile {
  return problemsOf(value).length === 0;
}

/**
 * Writes a pool's files like worker-runner. Parent folders get mode 0755, files get 0777 minus the umask, and existing
 * files are overwritten. The pool's owner may write to any path. The entries of an archive stay within its folder.
 *
 * @throws RegistrationError that names the file
 */
export async function writePoolFiles(files: readonly PoolFile[], signal: AbortSignal): Promise<void> {
  for (const file of files) {
    try {
      await (file.format === 'zip' ? unpack(file, signal) : write(file));
    } catch (error) {
      signal.throwIfAborted();
      const { message } = error as Error;
      throw new RegistrationError(
        'configuration',
        `the worker pool's file ${file.path} cannot be written: ${message}`,
        {
          cause: error,
        },
      );
    }
  }
}

async function write({ path, content }: PoolFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFile(path, Buffer.from(content, 'base64'), { mode: 0o777 });
}

async function unpack({ path, content }: PoolFile, signal: AbortSignal): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o755 });
  const folder = await mkdtemp(join(tmpdir(), 'tcw-pool-file-'));
  try {
    const archive = join(folder, 'archive.zip');
    await writeFile(archive, Buffer.from(content, 'base64'), { mode: 0o600 });
    const { skippedLines } = await unpackInto(archive, 'zip', path, { signal });
    const [skipped] = skippedLines;
    if (skipped !== undefined) throw new Error(`an entry of the archive was left out: ${skipped}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
