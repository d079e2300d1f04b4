import { open, type FileHandle } from 'node:fs/promises';

/** A file and the descriptor for reading it. Disposing of it closes what was opened for it. */
export interface Source extends AsyncDisposable {
  readonly descriptor: number;
}

/** Opens a path, or uses an open file, which stays open. */
export async function openSource(source: FileHandle | string): Promise<Source> {
  const handle = typeof source === 'string' ? await open(source, 'r') : source;
  return {
    descriptor: handle.fd,
    [Symbol.asyncDispose]: async () => {
      if (handle !== source) await handle.close();
    },
  };
}
