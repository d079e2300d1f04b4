import { statfs } from 'node:fs/promises';
import { TaskError } from '../../outcome.ts';

/** Makes sure that downloads leave some disk space free. */
export interface DiskRoom {
  /**
   * Makes sure that this many bytes can be added. If necessary, unused entries are removed first.
   *
   * @throws TaskError `resource-unavailable` when there is too little space
   */
  need(bytes: number): Promise<void>;
}

export interface DiskRoomOptions {
  /** The space that stays free, in bytes. */
  readonly reserveBytes: number;
  /** Frees disk space, as far as there is something to remove. */
  readonly makeRoom?: (() => Promise<unknown>) | undefined;
  /** Returns the free space, in bytes. By default, the system is asked about the folder. */
  readonly freeBytes?: (() => Promise<number>) | undefined;
}

const MB = 1_000_000;

export function diskRoom(
  folder: string,
  { reserveBytes, makeRoom, freeBytes = () => freeBytesOf(folder) }: DiskRoomOptions,
): DiskRoom {
  return {
    need: async bytes => {
      const fits = async () => (await freeBytes()) >= bytes + reserveBytes;
      if (await fits()) return;
      await makeRoom?.();
      if (await fits()) return;
      const needed = bytes > 0 ? `${megabytes(bytes)} more are needed, ` : '';
      throw new TaskError(
        'resource-unavailable',
        `this machine has run out of disk space: ${needed}${megabytes(await freeBytes())} are free, ` +
          `and downloads leave ${megabytes(reserveBytes)} free`,
      );
    },
  };
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / MB)} MB`;
}
