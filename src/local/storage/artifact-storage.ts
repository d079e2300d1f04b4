import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** How a stored object is served. */
export interface StoredObject {
  readonly contentType: string;
  readonly contentEncoding?: string;
  readonly contentLength: number;
  /** The MD5 of the content in quotes, as in S3's answers. */
  readonly etag: string;
}

/** Stores the content of artifacts in its own folder, until the queue is closed. */
export interface ArtifactStorage {
  /** Stores an object. An interrupted upload leaves the previous object unchanged. */
  put(
    key: string,
    content: Readable,
    as: Pick<StoredObject, 'contentType' | 'contentEncoding'>,
  ): Promise<StoredObject>;
  find(key: string): { object: StoredObject; open: () => Readable } | undefined;
  /** Removes the folder. */
  close(): Promise<void>;
}

/** @param chosen a folder to create; by default a new temporary folder */
export async function createArtifactStorage(chosen?: string): Promise<ArtifactStorage> {
  if (chosen !== undefined) await mkdir(chosen, { mode: 0o700 });
  const folder = chosen ?? (await mkdtemp(join(tmpdir(), 'tcw-local-queue-')));
  const objects = new Map<string, { object: StoredObject; file: string }>();
  return {
    async put(key, content, as) {
      const upload = join(folder, randomUUID());
      const md5 = createHash('md5');
      content.on('data', (chunk: Buffer) => md5.update(chunk));
      try {
        await pipeline(content, createWriteStream(upload, { mode: 0o600 }));
      } catch (error) {
        await rm(upload, { force: true });
        throw error;
      }
      // A key may be longer than a file name, and is not a path.
      const file = join(folder, createHash('sha256').update(key).digest('hex'));
      await rename(upload, file);
      const { size } = await stat(file);
      const object = { ...as, contentLength: size, etag: `"${md5.digest('hex')}"` };
      objects.set(key, { object, file });
      return object;
    },
    find(key) {
      const found = objects.get(key);
      return found && { object: found.object, open: () => createReadStream(found.file) };
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
