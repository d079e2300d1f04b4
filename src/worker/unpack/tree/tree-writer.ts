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
/** The owner may always put files into a folder and remove it. */
const OWNER = 0o700;

/** Limit for the number of remembered folders. */
const MAX_KNOWN = 10_000;
/** Limit for the number of folders whose time is restored at the end. */
const MAX_DATED = 100_000;
/** An archive with more entries is designed to do harm. */
const MAX_ENTRIES = 10_000_000;
/** At most this many skipped entries are named. */
const MAX_LINES = 20;

/**
 * Writes the contents of an archive below a folder, and nothing anywhere else. All calls are synchronous,
 * because this runs in a separate thread, and small files take few system calls.
 *
 * Before anything is created, each folder on the way to it has been checked: it is a folder, not a link. Nobody
 * else writes here meanwhile, so that remains true until the archive itself changes it. Files are always new:
 * an existing entry with the same name is removed, never written to.
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
   * @param owner the owner of everything that is created
   */
  constructor(root: string, room: DiskRoom, owner?: Owner) {
    this.#root = Buffer.from(root === '/' ? '' : root).toString('latin1');
    this.#room = room;
    this.#owner = owner;
  }

  /** The work done so far. */
  get done() {
    return {
      entries: this.#entries,
      bytes: this.#bytes,
      skipped: this.#skipped,
      skippedLines: this.#skippedLines,
    };
  }

  /** Resets the counts, because the archive is unpacked again in another way. Existing files are replaced. */
  startAgain(): void {
    this[Symbol.dispose]();
    this.#entries = this.#bytes = this.#skipped = 0;
    this.#skippedLines.length = 0;
  }

  /** Skips an entry, and records the reason. */
  skip(name: string, why: string): void {
    this.#count();
    this.#skipped++;
    if (this.#skippedLines.length < MAX_LINES) this.#skippedLines.push(`${shown(name)}: ${why}`);
  }

  folder(name: string, attributes: Attributes): void {
    const path = entryPath(name);
    this.#count();
    // The folder itself does not belong to the archive.
    if (path === '') return;
    const mode = (attributes.mode & PERMISSIONS) | OWNER;
    this.#attempt(name, () => {
      this.#enterParent(name, path);
      this.#makeFolder(path, mode);
      const mtime = keepable(attributes.mtime);
      if (mtime !== undefined && this.#dated.size < MAX_DATED) this.#dated.set(path, mtime);
    });
  }

  /** Creates a file. Call {@link finish} before creating anything else. */
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

  /** Finishes the most recent file. */
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

  /** Creates another name for a file in the folder. */
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

  /** Restores the times of folders, which changed when entries were put into them. */
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
    if (this.#entries > MAX_ENTRIES) {
      throw new UnpackFault('unsafe', `the archive has more than ${MAX_ENTRIES} entries`);
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

  /** Creates the missing parent folders of an entry. */
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

  /** Only for new files, not for those that were there before. */
  #give(real: Buffer): void {
    if (this.#owner) lchownSync(real, this.#owner.uid, this.#owner.gid);
  }

  #know(path: string): void {
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.add(path);
  }

  /** Creates something new, and replaces what is there. */
  #replacing<T>(name: string, path: string, make: (real: Buffer) => T): T {
    const real = this.#real(path);
    try {
      return make(real);
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    }
    if (lstatSync(real).isDirectory()) {
      // The file system may consider other names equal to this one.
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

  /** Translates the system's errors for archives. */
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
