import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { chmod, chown, lstat, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findArtifact, type FoundFile, type NotFound } from '../../../src/worker/features/artifacts/find.ts';
import type { ArtifactSpec } from '../../../src/worker/task-spec.ts';
import { closeSource } from '../../../src/worker/files/file-source.ts';
import { hostFiles } from '../../../src/worker/files/host-files.ts';
import type { RunFolder } from '../../../src/worker/files/run-folder.ts';

const NOBODY = 65_534;

/** Makes a run's folder with these files, each containing its own path. Returns the folder's real path. */
async function folderWith(...files: string[]): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'tcw-find-')));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const file of files) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), file);
  }
  return folder;
}

/** Describes a folder as that of a run. */
async function runFolder(path: string): Promise<RunFolder> {
  const { dev, ino } = await lstat(path, { bigint: true });
  return { path, dev, ino };
}

/** Everything that is found, without the descriptors, which are closed. */
async function find(
  folder: string | RunFolder,
  type: 'file' | 'directory',
  path: string,
  more: Partial<ArtifactSpec> = {},
) {
  const home = typeof folder === 'string' ? await runFolder(folder) : folder;
  const found: (NotFound | Omit<FoundFile, 'source'>)[] = [];
  for await (const { name, open } of findArtifact(
    { type, path, optional: false, ...more },
    hostFiles(home.path),
    home.path,
  )) {
    const each = await open();
    if (!each) continue;
    expect(each.name).toBe(name);
    if ('reason' in each) {
      found.push(each);
      continue;
    }
    const { source, ...rest } = each;
    await closeSource(source);
    found.push(rest);
  }
  return found;
}

/** Works as the user nobody, because root may read every file. */
async function asNobody<T>(folder: string, work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  await chown(folder, NOBODY, NOBODY);
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('a file to upload', () => {
  it('is named after its path unless it has a name', async () => {
    const folder = await folderWith('out/report.txt');
    const file = join(folder, 'out/report.txt');
    expect(await find(folder, 'file', 'out/report.txt')).toEqual([
      { name: 'out/report.txt', file, size: 14 },
    ]);
    expect(await find(folder, 'file', 'out/report.txt', { name: 'public/r.txt' })).toEqual([
      { name: 'public/r.txt', file, size: 14 },
    ]);
  });

  it('may have an absolute path inside the folder', async () => {
    const folder = await folderWith('a.txt');
    const found = await find(folder, 'file', join(folder, 'a.txt'), { name: 'public/a.txt' });
    expect(found).toMatchObject([{ name: 'public/a.txt', size: 5 }]);
  });

  it('may be a link to another file inside the folder', async () => {
    const folder = await folderWith('a.txt');
    await symlink('a.txt', join(folder, 'link'));
    expect(await find(folder, 'file', 'link')).toEqual([
      { name: 'link', file: join(folder, 'a.txt'), size: 5 },
    ]);
  });

  it.each([
    ['it is missing', 'nowhere.txt'],
    ['its folder is missing', 'no/where.txt'],
    ['its folder is a file', 'a.txt/where.txt'],
    ['it is a broken link', 'broken'],
    ['it is a link to itself', 'loop'],
  ])('is missing: %s', async (_, path) => {
    const folder = await folderWith('a.txt');
    await symlink('nowhere', join(folder, 'broken'));
    await symlink('loop', join(folder, 'loop'));
    const file = join(folder, path);
    expect(await find(folder, 'file', path)).toEqual([
      { name: path, file, reason: 'file-missing-on-worker', message: `Could not read file '${file}'` },
    ]);
  });

  it('may not be a directory', async () => {
    const folder = await folderWith('out/a.txt');
    const file = join(folder, 'out');
    expect(await find(folder, 'file', 'out')).toEqual([
      {
        name: 'out',
        file,
        reason: 'invalid-resource-on-worker',
        message: `File artifact '${file}' exists as a directory, not a file, on the worker`,
      },
    ]);
  });

  it('may not be a pipe, which could be read forever', async () => {
    const folder = await folderWith();
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect(await find(folder, 'file', 'pipe')).toMatchObject([{ reason: 'invalid-resource-on-worker' }]);
  });

  it('may not be outside the folder by a relative path', async () => {
    const folder = await folderWith('run/a.txt', 'x.txt');
    expect(await find(join(folder, 'run'), 'file', '../x.txt')).toMatchObject([
      {
        reason: 'invalid-resource-on-worker',
        message: expect.stringContaining("is outside the task's folder") as string,
      },
    ]);
  });

  it('may be a link to anything that the task itself could read', async () => {
    const folder = await folderWith('run/a.txt', 'tools/x.txt');
    const run = join(folder, 'run');
    await symlink(join(folder, 'tools/x.txt'), join(run, 'link'));
    await symlink(join(folder, 'tools'), join(run, 'tools'));
    for (const path of ['link', 'tools/x.txt']) {
      expect(await find(run, 'file', path)).toMatchObject([
        { name: path, file: join(folder, 'tools/x.txt'), size: 11 },
      ]);
    }
  });

  // These files of /proc would show the worker itself and its environment.
  it.runIf(process.platform === 'linux').each([
    ['an absolute path', '/proc/self/environ'],
    ['the path of a thread', '/proc/thread-self/environ'],
    ['a link', 'environ'],
    ['a link to a folder', 'self/environ'],
    ['the machine', '/sys/kernel/mm/transparent_hugepage/enabled'],
  ])('is never a file of the kernel: %s', async (_, path) => {
    const folder = await folderWith('a.txt');
    await symlink('/proc/self/environ', join(folder, 'environ'));
    await symlink('/proc/self', join(folder, 'self'));
    expect(await find(folder, 'file', path, { name: 'public/x' })).toMatchObject([
      { reason: expect.stringMatching(/^(invalid-resource|file-missing)-on-worker$/) as string },
    ]);
  });

  it('may be outside the folder by an absolute path, because the task could read it too', async () => {
    const folder = await folderWith('run/a.txt', 'shared/x.txt');
    const path = join(folder, 'shared/x.txt');
    expect(await find(join(folder, 'run'), 'file', path, { name: 'public/x' })).toEqual([
      { name: 'public/x', file: path, size: 12 },
    ]);
  });

  it('is not found in a folder whose name only starts like that of the run', async () => {
    const folder = await folderWith('run/a.txt', 'run-2/secret.txt');
    expect(await find(join(folder, 'run'), 'file', '../run-2/secret.txt')).toMatchObject([
      { reason: 'invalid-resource-on-worker' },
    ]);
  });

  it('is reported if it may not be read', async () => {
    const folder = await folderWith('a.txt');
    await chmod(join(folder, 'a.txt'), 0o000);
    expect(await asNobody(folder, () => find(folder, 'file', 'a.txt'))).toMatchObject([
      { reason: 'file-not-readable-on-worker' },
    ]);
  });
});

describe('a directory to upload', () => {
  it('includes all files at any depth, each named after its path', async () => {
    const folder = await folderWith('out/b.txt', 'out/a/z.txt', 'out/a/b/c.txt', 'other.txt');
    await mkdir(join(folder, 'out/empty'));
    const found = await find(folder, 'directory', 'out', { name: 'public/build' });
    expect(found).toEqual([
      { name: 'public/build/a/b/c.txt', file: join(folder, 'out/a/b/c.txt'), size: 13 },
      { name: 'public/build/a/z.txt', file: join(folder, 'out/a/z.txt'), size: 11 },
      { name: 'public/build/b.txt', file: join(folder, 'out/b.txt'), size: 9 },
    ]);
  });

  it.each([
    ['its path', 'out/', undefined],
    ['its name', 'out', 'out/'],
    ['both, twice', 'out//', 'out//'],
  ])('leads to no empty parts in names if %s ends with a slash', async (_, path, name) => {
    const folder = await folderWith('out/a.txt');
    const found = await find(folder, 'directory', path, name === undefined ? {} : { name });
    expect(found.map(one => one.name)).toEqual(['out/a.txt']);
  });

  // More files than a function may have arguments. Their kind does not matter, and links are created quickly.
  it('may contain very many files', async () => {
    const folder = await folderWith();
    await mkdir(join(folder, 'out/sub'), { recursive: true });
    const count = 130_000;
    for (let index = 0; index < count; index++)
      symlinkSync('nowhere', join(folder, 'out/sub', String(index)));
    let last: string | undefined;
    let found = 0;
    const request = { type: 'directory', path: 'out', optional: false } as const;
    for await (const { name } of findArtifact(request, hostFiles(folder), folder)) {
      last = name;
      found++;
    }
    expect({ found, last }).toEqual({ found: count, last: 'out/sub/99999' });
  });

  it('may be empty', async () => {
    const folder = await folderWith('a.txt');
    await mkdir(join(folder, 'out'));
    expect(await find(folder, 'directory', 'out')).toEqual([]);
  });

  it('follows links to files, but not to directories, so that the walk ends', async () => {
    const folder = await folderWith('out/a.txt', 'b.txt');
    await symlink('../b.txt', join(folder, 'out/link'));
    await symlink('.', join(folder, 'out/self'));
    const found = await find(folder, 'directory', 'out');
    expect(found.map(one => one.name)).toEqual(['out/a.txt', 'out/link']);
  });

  it('reports an error for each file that cannot be read, and includes all others', async () => {
    const folder = await folderWith('out/a.txt', 'out/c.txt');
    await symlink('/proc/self/environ', join(folder, 'out/b'));
    await symlink('nowhere', join(folder, 'out/d'));
    const found = await find(folder, 'directory', 'out');
    expect(found.map(one => [one.name, 'reason' in one ? one.reason : 'found'])).toEqual([
      ['out/a.txt', 'found'],
      ['out/b', 'invalid-resource-on-worker'],
      ['out/c.txt', 'found'],
      ['out/d', 'file-missing-on-worker'],
    ]);
  });

  it('is reported if it is missing', async () => {
    const folder = await folderWith();
    const file = join(folder, 'out');
    expect(await find(folder, 'directory', 'out')).toEqual([
      { name: 'out', file, reason: 'file-missing-on-worker', message: `Could not read directory '${file}'` },
    ]);
  });

  it('may not be a file', async () => {
    const folder = await folderWith('out');
    const file = join(folder, 'out');
    expect(await find(folder, 'directory', 'out')).toEqual([
      {
        name: 'out',
        file,
        reason: 'invalid-resource-on-worker',
        message: `Directory artifact '${file}' exists as a file, not a directory, on the worker`,
      },
    ]);
  });

  it('reports an error for a subdirectory that may not be read', async () => {
    const folder = await folderWith('out/a.txt', 'out/closed/b.txt', 'out/z.txt');
    await chmod(join(folder, 'out/closed'), 0o000);
    onTestFinished(() => chmod(join(folder, 'out/closed'), 0o700));
    const found = await asNobody(folder, () => find(folder, 'directory', 'out'));
    expect(found.map(one => [one.name, 'reason' in one ? one.reason : 'found'])).toEqual([
      ['out/a.txt', 'found'],
      ['out/closed', 'file-not-readable-on-worker'],
      ['out/z.txt', 'found'],
    ]);
  });
});
