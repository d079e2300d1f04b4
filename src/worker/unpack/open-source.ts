import { open, type FileHandle } from 'node:fs/promises';

/** A file that somebody reads, and the descriptor to do it. Disposing of it closes what was opened for it. */
export interface Source extends AsyncDisposable {
  readonly descriptor: number;
}

/** Opens a file by its path, or takes one that is open and stays so. */
export async function openSource(source: FileHandle | string): Promise<Source> {
  const handle = typeof source === 'string' ? await open(source, 'r') : source;
  return {
    descriptor: handle.fd,
    [Symbol.asyncDispose]: async () => {
      if (handle !== source) await handle.close();
    },
  };
}
