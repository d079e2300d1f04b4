import {
  chmodSync,
  constants,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import type { Owner } from '../../files/owner.ts';
import { isCode } from '../../files/is-code.ts';
import { UnpackFault } from '../unpack-fault.ts';
import type { DiskRoom } from './disk-room.ts';
import { entryPath, shown, tooLong, unsafe } from './entry-name.ts';
import { staysInside } from './link-target.ts';
import { keepable, NewFile, type Attributes } from './new-file.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

const PERMISSIONS = 0o777;
/** What the owner of a folder may always do: put files into it, and remove it. */
const OWNER = 0o700;

/** So many folders are remembered to be folders. */
const MOST_KNOWN = 10_000;
/** So many folders get their time back when all is in them. */
const MOST_DATED = 100_000;
/** An archive with more entries is built to do harm. */
const MOST_ENTRIES = 10_000_000;
/** So many of the entries that are left out are told by name. */
const MOST_LINES = 20;

/**
 * Writes what an archive holds below a folder, and nothing anywhere else. All calls are synchronous: this runs in a thread
 * of its own, and small files take few calls of the system.
 *
 * Before anything is made, each folder on the way to it has been found to be a folder, not a link. Nobody else writes here
 * meanwhile, so that this stays true until the archive itself changes it. Files are always new: what has their name is
 * removed, never written to.
 */
export class TreeWriter implements Disposable {
  readonly #root: string;
  readonly #room: DiskRoom;
  readonly #owner: Owner | undefined;
  readonly #umask = process.umask();
  readonly #known = new Set<string>();
  readonly #dated = new Map<string, number>();
  readonly #skippedLines: string[] = [];
  #skipped = 0;
  #entries = 0;
  #bytes = 0;
  #open: NewFile | undefined;

  /**
   * @param root the real path of an existing folder
   * @param owner to whom everything is given that is made
   */
  constructor(root: string, room: DiskRoom, owner?: Owner) {
    this.#root = Buffer.from(root === '/' ? '' : root).toString('latin1');
    this.#room = room;
    this.#owner = owner;
  }

  /** What has been done so far. */
  get done() {
    return {
      entries: this.#entries,
      bytes: this.#bytes,
      skipped: this.#skipped,
      skippedLines: this.#skippedLines,
    };
  }

  /** Forgets what has been done, which is done again in another way. What is there is replaced. */
  startAgain(): void {
    this[Symbol.dispose]();
    this.#entries = this.#bytes = this.#skipped = 0;
    this.#skippedLines.length = 0;
  }

  /** Leaves an entry out, and notes why. */
  skip(name: string, why: string): void {
    this.#count();
    this.#skipped++;
    if (this.#skippedLines.length < MOST_LINES) this.#skippedLines.push(`${shown(name)}: ${why}`);
  }

  folder(name: string, attributes: Attributes): void {
    const path = entryPath(name);
    this.#count();
    // The folder itself is not the archive's.
    if (path === '') return;
    const mode = (attributes.mode & PERMISSIONS) | OWNER;
    this.#attempt(name, () => {
      this.#enterParent(name, path);
      this.#makeFolder(path, mode);
      const mtime = keepable(attributes.mtime);
      if (mtime !== undefined && this.#dated.size < MOST_DATED) this.#dated.set(path, mtime);
    });
  }

  /** Makes a file. It must be finished, by {@link finish}, before anything else is made. */
  file(name: string, attributes: Attributes): NewFile {
    const path = this.#newPath(name);
    const mode = attributes.mode & PERMISSIONS;
    return this.#attempt(name, () => {
      this.#enterParent(name, path);
      const descriptor = this.#replacing(name, path, real =>
        openSync(real, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode),
      );
      this.#open = new NewFile(
        descriptor,
        { ...attributes, mode },
        bytes => {
          this.#bytes += bytes;
          this.#room.spend(bytes);
        },
        this.#owner,
      );
      return this.#open;
    });
  }

  /** Finishes the file that was made last. */
  finish(): void {
    this.#open?.finish(this.#umask);
    this.#open = undefined;
  }

  symlink(name: string, target: string): void {
    const path = this.#newPath(name);
    if (!staysInside(path, target)) {
      this.skip(name, `it is a symbolic link to ${shown(target)}, which may lead out of the folder`);
      return;
    }
    this.#attempt(name, () => {
      this.#enterParent(name, path);
      this.#replacing(name, path, real => {
        symlinkSync(Buffer.from(target, 'latin1'), real);
        this.#give(real);
      });
    });
  }

  /** Makes another name for a file that the archive, or somebody before it, has put into the folder. */
  hardLink(name: string, target: string): void {
    const path = this.#newPath(name);
    const existing = entryPath(target);
    if (existing === path) return;
    this.#attempt(name, () => {
      this.#enterParent(name, path);
      this.#enterParent(target, existing);
      const found = existing === '' ? undefined : lstatSync(this.#real(existing), { throwIfNoEntry: false });
      if (found === undefined)
        throw damaged(name, `it is a hard link to ${shown(target)}, which is not there`);
      if (found.isSymbolicLink()) {
        this.symlink(name, readlinkSync(this.#real(existing), 'latin1'));
      } else if (found.isFile()) {
        this.#replacing(name, path, real => {
          linkSync(this.#real(existing), real);
        });
      } else {
        this.skip(name, `it is a hard link to ${shown(target)}, which is no file`);
      }
    });
  }

  /** Gives folders their times, which everything put into them has changed. */
  end(): void {
    for (const [path, mtime] of this.#dated) {
      const real = this.#real(path);
      if (lstatSync(real, { throwIfNoEntry: false })?.isDirectory() === true) lutimesSync(real, mtime, mtime);
    }
  }

  [Symbol.dispose](): void {
    this.#open?.close();
    this.#open = undefined;
  }

  #count(): void {
    this.#entries++;
    this.#room.spend(0);
    if (this.#entries > MOST_ENTRIES) {
      throw new UnpackFault('unsafe', `the archive has more than ${MOST_ENTRIES} entries`);
    }
  }

  #newPath(name: string): string {
    this.#count();
    const path = entryPath(name);
    if (path === '') throw unsafe(name, 'it would replace the folder itself');
    return path;
  }

  #real(path: string): Buffer {
    return Buffer.from(`${this.#root}/${path}`, 'latin1');
  }

  /** Makes the folders that an entry lies in, where they are not there. */
  #enterParent(name: string, path: string): void {
    const slash = path.lastIndexOf('/');
    if (slash === -1 || this.#known.has(path.slice(0, slash))) return;
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
      const parent = path.slice(0, at);
      if (this.#known.has(parent)) continue;
      const found = lstatSync(this.#real(parent), { throwIfNoEntry: false });
      if (found === undefined) {
        mkdirSync(this.#real(parent));
        this.#give(this.#real(parent));
      } else if (found.isSymbolicLink()) throw unsafe(name, `${shown(parent)} is a symbolic link`);
      else if (!found.isDirectory()) throw damaged(name, `${shown(parent)} is no folder`);
      this.#know(parent);
    }
  }

  #makeFolder(path: string, mode: number): void {
    const real = this.#real(path);
    const found = lstatSync(real, { throwIfNoEntry: false });
    if (found?.isDirectory() !== true) {
      if (found !== undefined) unlinkSync(real);
      mkdirSync(real, mode);
      this.#give(real);
    }
    if (found?.isDirectory() === true || (mode & this.#umask) !== 0) chmodSync(real, mode);
    this.#know(path);
  }

  /** Only what has just been made, and not what somebody before has put there. */
  #give(real: Buffer): void {
    if (this.#owner) lchownSync(real, this.#owner.uid, this.#owner.gid);
  }

  #know(path: string): void {
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.add(path);
  }

  /** Makes something new, in the place of whatever is there. */
  #replacing<T>(name: string, path: string, make: (real: Buffer) => T): T {
    const real = this.#real(path);
    try {
      return make(real);
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    }
    if (lstatSync(real).isDirectory()) {
      // The file system may find other names than this one for it.
      this.#known.clear();
      this.#dated.delete(path);
      try {
        rmdirSync(real);
      } catch (error) {
        if (!isCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
        throw damaged(name, 'a folder that is not empty has its place');
      }
    } else {
      unlinkSync(real);
    }
    return make(real);
  }

  /** Says what the system's errors mean for an archive. */
  #attempt<T>(name: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (isCode(error, 'ENAMETOOLONG')) throw tooLong(name);
      if (isCode(error, 'EILSEQ')) throw unsafe(name, 'the disk takes no such name');
      throw error;
    }
  }
}

function damaged(name: string, why: string): UnpackFault {
  return new UnpackFault(
    'damaged',
    `the archive has an entry ${shown(name)} that cannot be unpacked: ${why}`,
  );
}
