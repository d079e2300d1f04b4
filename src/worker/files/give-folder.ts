import { chmodSync, lchownSync, lstatSync, unlinkSync } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { limitedConcurrency } from './limited-concurrency.ts';
import type { Owner } from './owner.ts';

/** Number of folders that are processed at a time. */
const LANES = 4;
const SET_IDS = 0o6000;
const ANY_EXECUTE = 0o111;
const MODE = 0o7777;

/**
 * Gives a folder and everything in it to another user. It follows no link. Nobody else writes to it meanwhile.
 *
 * Setuid and setgid bits are removed, because they were meant for the former owner. A file with names elsewhere
 * that belongs to neither the former nor the new owner is left alone, because it may be a hard link to a file
 * of the machine. If it is a program, its name is removed, and so are the names of devices: root in a
 * container, or a task that runs as root, could use them to give their user more rights.
 */
export async function giveFolder(folder: string, owner: Owner): Promise<void> {
  const former = lstatSync(folder).uid;
  const lanes = limitedConcurrency(LANES);
  const give = (path: Buffer) => {
    const found = lstatSync(path);
    const isWhole = found.isDirectory() || found.nlink === 1;
    const isLeft = !isWhole && found.uid !== former;
    const isProgram = found.isFile() && (found.mode & ANY_EXECUTE) !== 0;
    if (found.isBlockDevice() || found.isCharacterDevice() || (isLeft && isProgram && owner.uid !== 0)) {
      unlinkSync(path);
      return false;
    }
    if (isLeft) return false;
    // Even if the owner is already right: the kernel then removes a program's capabilities (capabilities(7)).
    lchownSync(path, owner.uid, owner.gid);
    // The kernel removes them from programs, but not from folders.
    if (!found.isSymbolicLink() && (found.mode & SET_IDS) !== 0)
      chmodSync(path, found.mode & MODE & ~SET_IDS);
    return found.isDirectory();
  };
  const giveAll = async (path: Buffer): Promise<void> => {
    const folders: Buffer[] = [];
    // Names need not be text. Node's types do not know names that are buffers.
    const options = { encoding: 'buffer', bufferSize: 256 } as unknown as { bufferSize: number };
    for await (const { name } of await opendir(path, options)) {
      const inner = Buffer.concat([path, Buffer.from('/'), name as unknown as Buffer]);
      if (give(inner)) folders.push(inner);
    }
    await lanes(folders, giveAll);
  };
  if (give(Buffer.from(folder))) await giveAll(Buffer.from(folder));
}
