import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { namelessFile, newFile } from '../../../src/worker/files/new-file.ts';

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-new-file-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('a new file', () => {
  it('replaces a pipe of its name instead of blocking on it', async () => {
    const file = join(await newFolder(), 'file');
    execFileSync('mkfifo', [file]);
    await using handle = await newFile(file);
    expect((await handle.stat()).isFile()).toBe(true);
  });

  it('replaces a link of its name instead of following it', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'precious'), 'precious');
    await symlink('precious', join(folder, 'file'));
    await using handle = await newFile(join(folder, 'file'));
    await handle.writeFile('mine');
    expect(await readFile(join(folder, 'precious'), 'utf8')).toBe('precious');
    expect((await handle.stat()).mode & 0o777).toBe(0o600);
  });
});

describe('a file without a name', () => {
  it('can be written and read, but not found', async () => {
    const folder = await newFolder();
    await using handle = await namelessFile(join(folder, 'file'));
    await handle.writeFile('mine');
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    expect(buffer.toString()).toBe('mine');
    const { mode, nlink } = await handle.stat();
    expect({ mode: mode & 0o777, nlink }).toEqual({ mode: 0o600, nlink: 0 });
    expect(await readdir(folder)).toEqual([]);
  });
});
