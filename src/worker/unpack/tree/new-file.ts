import { closeSync, fchmodSync, fchownSync, ftruncateSync, futimesSync, writeSync } from 'node:fs';
import type { Owner } from '../../files/owner.ts';
import { isCode } from '../../files/is-code.ts';
import { UnpackFault } from '../unpack-fault.ts';

/** What an archive says about an entry, as far as it is kept. */
export interface Attributes {
  /** Permissions of 9 bits. */
  readonly mode: number;
  /** Seconds since 1970; undefined where the archive does not say. */
  readonly mtime?: number | undefined;
}

/** The times that are kept, in seconds: what others might choke on is not. */
const LAST_TIME = 2 ** 33;

/** A time that a file can be given; undefined otherwise. */
export function keepable(mtime: number | undefined): number | undefined {
  return mtime !== undefined && mtime >= 0 && mtime < LAST_TIME ? mtime : undefined;
}

/** A file that has just been made, and has nobody else's content. */
export class NewFile {
  readonly #descriptor: number;
  readonly #attributes: Attributes;
  readonly #wrote: (bytes: number) => void;
  readonly #owner: Owner | undefined;
  #at = 0;

  /**
   * @param wrote is called with how many bytes have been written
   * @param owner to whom it is given in the end
   */
  constructor(descriptor: number, attributes: Attributes, wrote: (bytes: number) => void, owner?: Owner) {
    this.#descriptor = descriptor;
    this.#attributes = attributes;
    this.#wrote = wrote;
    this.#owner = owner;
  }

  /** Where the next bytes go. What is passed over is a hole. */
  seek(position: number): void {
    this.#at = position;
  }

  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const count = writeSync(this.#descriptor, bytes, done, bytes.length - done, this.#at);
      done += count;
      this.#at += count;
    }
    this.#wrote(bytes.length);
  }

  /** Makes the file so long, with a hole at its end. */
  setLength(length: number): void {
    try {
      ftruncateSync(this.#descriptor, length);
    } catch (error) {
      if (!isCode(error, 'EFBIG', 'EINVAL')) throw error;
      throw new UnpackFault('unsafe', 'the archive has a file that is longer than the disk allows', {
        cause: error,
      });
    }
  }

  /** Gives the file its time, and its mode where the worker's own umask has kept some of it back, and closes it. */
  finish(umask: number): void {
    const { mode } = this.#attributes;
    if (this.#owner) fchownSync(this.#descriptor, this.#owner.uid, this.#owner.gid);
    if ((mode & umask) !== 0) fchmodSync(this.#descriptor, mode);
    const mtime = keepable(this.#attributes.mtime);
    if (mtime !== undefined) futimesSync(this.#descriptor, mtime, mtime);
    this.close();
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
