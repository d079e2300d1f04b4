import { UnpackFault } from '../unpack-fault.ts';

/** After so many bytes at most, the disk is looked at again: others may fill it, too. */
const MOST_UNSEEN = 64 * 1024 * 1024;
/** So often at least is enough. */
const LEAST_UNSEEN = 1024 * 1024;
/** What the smallest file or folder takes. */
const ENTRY_BYTES = 4096;

/** Keeps an archive from filling the disk. */
export class DiskRoom {
  readonly #freeBytes: () => Promise<number>;
  readonly #reserve: number;
  #unseen = 0;

  /**
   * @param freeBytes tells how much is free
   * @param reserve so many bytes stay free
   */
  constructor(freeBytes: () => Promise<number>, reserve: number) {
    this.#freeBytes = freeBytes;
    this.#reserve = reserve;
  }

  /** Notes that so many bytes of a file, or an entry without any, have been written. */
  spend(bytes: number): void {
    this.#unseen -= Math.max(bytes, ENTRY_BYTES);
  }

  /** Whether it is time to {@link look}. */
  get isUnsure(): boolean {
    return this.#unseen <= 0;
  }

  /**
   * Looks at the disk.
   *
   * @throws UnpackFault when less is free than the reserve
   */
  async look(): Promise<void> {
    const free = (await this.#freeBytes()) - this.#reserve;
    if (free <= 0) throw diskFull();
    this.#unseen = Math.min(Math.max(free / 2, LEAST_UNSEEN), MOST_UNSEEN);
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
