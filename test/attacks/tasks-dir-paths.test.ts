import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeFolders } from '../../src/worker/files/make-folders.ts';
import { start } from '../cli/tcw.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcw-paths-'));
  await writeFile(join(folder, 'file'), '');
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  await symlink('missing/further', join(folder, 'dangling'));
  await symlink('loop', join(folder, 'loop'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Paths where there cannot be a folder, and what the system says of them. */
const impossible: (readonly [string, (folder: string) => string, string])[] = [
  ['one in /proc', () => '/proc/nope', 'ENOENT'],
  ['one deep in /proc', () => '/proc/nope/further/down', 'ENOENT'],
  ['a process of that name', () => '/proc/self/fd/nope', 'ENOENT'],
  ['a device', () => '/dev/null', 'ENOTDIR'],
  ['one below a device', () => '/dev/null/nope', 'ENOTDIR'],
  ['a file', at => join(at, 'file'), 'ENOTDIR'],
  ['one below a file', at => join(at, 'file/nope'), 'ENOTDIR'],
  ['a FIFO', at => join(at, 'fifo'), 'ENOTDIR'],
  ['one below a FIFO', at => join(at, 'fifo/nope'), 'ENOTDIR'],
  ['a link to nothing', at => join(at, 'dangling'), 'EEXIST'],
  ['one below a link to nothing', at => join(at, 'dangling/nope'), 'EEXIST'],
  ['a link to itself', at => join(at, 'loop'), 'ELOOP'],
  ['one below a link to itself', at => join(at, 'loop/nope'), 'ELOOP'],
  ['a name of 5,000 characters', at => join(at, 'n'.repeat(5_000)), 'ENAMETOOLONG'],
  ['a path of 5,000 characters', at => join(at, 'n/'.repeat(2_500)), 'ENAMETOOLONG'],
  ['a NUL byte', at => join(at, 'a\0b'), 'ERR_INVALID_ARG_VALUE'],
];

describe('making folders always ends', () => {
  it.each(impossible)('%s', async (_, path, code) => {
    await expect(makeFolders(path(folder))).rejects.toMatchObject({ code });
  });

  it('and makes the parents once', async () => {
    const path = join(folder, 'some/what/deep');
    await Promise.all([makeFolders(path), makeFolders(path)]);
    await makeFolders(path);
    expect(await readdir(join(folder, 'some/what'))).toEqual(['deep']);
  });

  it.runIf(process.platform === 'linux')('in /sys, too', async () => {
    await expect(makeFolders('/sys/nope')).rejects.toThrow();
  });
});

/** Runs `tcw dev` with a tasksDir. One that hangs ends with the test. */
async function dev(tasksDir: string) {
  const child = start(['dev', '--once', '--tasks-dir', tasksDir]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stderr };
}

// No argument can hold a NUL byte.
describe('an impossible tasksDir leads to one clear line and exit code 73', () => {
  it.each(impossible.filter(([what]) => what !== 'a NUL byte'))('%s', async (_, path, code) => {
    const tasksDir = path(folder);
    const { exitCode, stderr } = await dev(tasksDir);
    expect(stderr).toMatch(/^tcw: tasksDir: [^\n]*\. Name another folder[^\n]*\n$/);
    expect(stderr).toContain(code);
    expect(stderr.length).toBeLessThan(600);
    expect(exitCode).toBe(73);
  });

  it.runIf(process.platform === 'linux')('/proc itself', async () => {
    const { exitCode, stderr } = await dev('/proc');
    expect(stderr).toMatch(/^tcw: tasksDir: [^\n]*\n$/);
    expect(exitCode).toBe(73);
  });
});
