import { statfs } from 'node:fs/promises';
import { isCode } from '../../files/is-code.ts';
import { archiveReader } from '../archives/archive-reader.ts';
import { DiskRoom, diskFull } from '../tree/disk-room.ts';
import { TreeWriter } from '../tree/tree-writer.ts';
import type { Answer, Job, ThreadMessage } from './messages.ts';

/** Shortest interval between progress messages, in ms. */
const PROGRESS_MS = 250;

/** Unpacks an archive, and returns the result. */
export async function unpackJob(
  { format, descriptor, folder, reserveBytes, asksForRoom, owner }: Job & { kind: 'unpack' },
  say: (word: ThreadMessage) => void,
  ask: (question: ThreadMessage) => Promise<Answer>,
  running: (program: number | 'starting' | undefined) => void,
) {
  const freeBytes = async () => {
    if (!asksForRoom) return freeOn(folder);
    const answer = await ask({ kind: 'room?' });
    return answer.kind === 'room' ? answer.free : 0;
  };
  const room = new DiskRoom(freeBytes, reserveBytes);
  using writer = new TreeWriter(folder, room, owner);
  let reportedAt = performance.now();
  /** Await this between portions of the work. */
  const pause = () => {
    if (performance.now() - reportedAt > PROGRESS_MS) {
      reportedAt = performance.now();
      const { entries, bytes } = writer.done;
      say({ kind: 'progress', entries, bytes });
    }
    return room.isUnsure ? room.check() : undefined;
  };
  try {
    await pause();
    const read = await archiveReader(format);
    await read(descriptor, writer, pause, { running });
    writer.end();
    return writer.done;
  } catch (error) {
    throw isCode(error, 'ENOSPC', 'EDQUOT') ? diskFull(error) : error;
  }
}

async function freeOn(folder: string): Promise<number> {
  const { bavail, bsize, files, ffree } = await statfs(folder);
  // A disk without free inodes is full. Some file systems do not count inodes.
  return files > 0 && ffree === 0 ? 0 : bavail * bsize;
}
