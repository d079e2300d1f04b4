import { closeSync, fchmodSync, fchownSync, ftruncateSync, futimesSync, writeSync } from 'node:fs';
import type { Owner } from '../../files/owner.ts';
import { isCode } from '../../files/is-code.ts';
import { UnpackFault } from '../unpack-fault.ts';

/** The attributes of an entry, as far as they are kept. */
export interface Attributes {
  /** Nine permission bits. */
  readonly mode: number;
  /** Seconds since 1970. Undefined if the archive does not say. */
  readonly mtime?: number | undefined;
}

/** Times beyond this one, in seconds, are not kept, because programs may fail on them. */
const LAST_TIME = 2 ** 33;

/** Returns a time that a file can have, or undefined. */
export function keepable(mtime: number | undefined): number | undefined {
  return mtime !== undefined && mtime >= 0 && mtime < LAST_TIME ? mtime : undefined;
}

/** A new file that contains nobody else's content. */
export class NewFile {
  readonly #descriptor: number;
  readonly #attributes: Attributes;
  readonly #wrote: (bytes: number) => void;
  readonly #owner: Owner | undefined;
  #at = 0;

  /**
   * @param wrote called with the number of written bytes
   * @param owner the final owner
   */
  constructor(descriptor: number, attributes: Attributes, wrote: (bytes: number) => void, owner?: Owner) {
    this.#descriptor = descriptor;
    this.#attributes = attributes;
    this.#wrote = wrote;
    this.#owner = owner;
  }

  /** Sets the position of the next bytes. A skipped part becomes a hole. */
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

  /** Sets the length of the file, with a hole at its end. */
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

  /** Sets the file's time, and its mode where the worker's umask has masked it, and closes it. */
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
