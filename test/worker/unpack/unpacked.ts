import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackJob } from '../../../src/worker/unpack/thread/unpack-job.ts';
import type { ArchiveFormat, Unpacked } from '../../../src/worker/unpack/index.ts';

/** A folder for archives. It has a folder `inside` to unpack into, and files beside it that must not change. */
export interface Place extends Disposable {
  readonly path: string;
  readonly inside: string;
  /** Writes an archive, and returns its path. */
  archive(bytes: Buffer): string;
  /** The folder's entries by name: a file's content, `-> ` and a link's target, or `/` for a folder. */
  tree(): Record<string, string>;
}

const SECRET = 'nobody may change this';

export function somePlace(): Place {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'tcw-unpack-')));
  const inside = join(path, 'inside');
  mkdirSync(inside);
  mkdirSync(join(path, 'outside'));
  writeFileSync(join(path, 'outside', 'secret'), SECRET, { mode: 0o600 });
  return {
    path,
    inside,
    archive: bytes => {
      const file = join(path, 'archive');
      writeFileSync(file, bytes);
      return file;
    },
    tree: () => treeOf(inside),
    [Symbol.dispose]: () => {
      // Every test checks that the files beside the folder have not changed.
      const beside = readdirSync(path).filter(name => name !== 'archive');
      const secret = join(path, 'outside', 'secret');
      const problems = [
        ...(beside.join() === 'inside,outside' ? [] : [`beside the folder: ${beside.join()}`]),
        ...(readdirSync(join(path, 'outside')).join() === 'secret' ? [] : ['something is in outside']),
        ...(readFileSync(secret, 'utf8') === SECRET ? [] : ['the secret was changed']),
        ...((lstatSync(secret).mode & 0o7777) === 0o600 ? [] : ["the secret's mode was changed"]),
        ...(lstatSync(secret).nlink === 1 ? [] : ['the secret has another name']),
      ];
      rmSync(path, { recursive: true });
      if (problems.length > 0) throw new Error(problems.join('; '));
    },
  };
}

function treeOf(folder: string, prefix = ''): Record<string, string> {
  return Object.fromEntries(
    readdirSync(join(folder, prefix))
      .sort()
      .flatMap((name): [string, string][] => {
        const path = join(prefix, name);
        const real = join(folder, path);
        const found = lstatSync(real);
        if (found.isSymbolicLink()) return [[path, `-> ${readlinkSync(real)}`]];
        if (found.isDirectory()) return [[path, '/'], ...Object.entries(treeOf(folder, path))];
        return [[path, found.isFile() ? readFileSync(real, 'utf8') : '?']];
      }),
  );
}

/** Unpacks in this thread instead of another one, which is faster for many archives. */
export async function unpackHere(
  place: Place,
  bytes: Buffer,
  format: ArchiveFormat = 'tar',
  freeBytes?: () => number,
): Promise<Unpacked> {
  const descriptor = openSync(place.archive(bytes), 'r');
  const asksForRoom = freeBytes !== undefined;
  const job = {
    kind: 'unpack',
    format,
    descriptor,
    folder: place.inside,
    reserveBytes: 0,
    asksForRoom,
  } as const;
  try {
    return await unpackJob(
      job,
      () => undefined,
      async () => ({ kind: 'room', free: freeBytes?.() ?? 0 }),
      () => undefined,
    );
  } finally {
    closeSync(descriptor);
  }
}
