import { UnpackFault } from '../unpack-fault.ts';

/** The disk is checked again after at most this many bytes, because others may fill it as well. */
const MAX_UNSEEN = 64 * 1024 * 1024;
/** The shortest distance between two checks, in bytes. */
const LEAST_UNSEEN = 1024 * 1024;
/** Disk space of the smallest file or folder. */
const ENTRY_BYTES = 4096;

/** Keeps an archive from filling the disk. */
export class DiskRoom {
  readonly #freeBytes: () => Promise<number>;
  readonly #reserve: number;
  #unseen = 0;

  /**
   * @param freeBytes returns the free space
   * @param reserve number of bytes that stay free
   */
  constructor(freeBytes: () => Promise<number>, reserve: number) {
    this.#freeBytes = freeBytes;
    this.#reserve = reserve;
  }

  /** Records that bytes of a file, or an entry without content, have been written. */
  spend(bytes: number): void {
    this.#unseen -= Math.max(bytes, ENTRY_BYTES);
  }

  /** Whether it is time to {@link check}. */
  get isUnsure(): boolean {
    return this.#unseen <= 0;
  }

  /**
   * Checks the disk.
   *
   * @throws UnpackFault when less than the reserve is free
   */
  async check(): Promise<void> {
    const free = (await this.#freeBytes()) - this.#reserve;
    if (free <= 0) throw diskFull();
    this.#unseen = Math.min(Math.max(free / 2, LEAST_UNSEEN), MAX_UNSEEN);
  }
}

export function diskFull(cause?: unknown): UnpackFault {
  return new UnpackFault(
    'disk-full',
    'the disk of this machine would be full before the archive is unpacked',
    {
      cause,
    },
  );
}
