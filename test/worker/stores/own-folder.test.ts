import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, lstat, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { furtherFolders, ownFolder, type OwnFolder } from '../../../src/worker/stores/own-folder.ts';
import { asOrdinaryUser } from '../ordinary-user.ts';
import { folder } from './caches-under-test.ts';

const MODULE = pathToFileURL(join(import.meta.dirname, '../../../src/worker/stores/own-folder.ts')).href;

async function own(path: string): Promise<OwnFolder> {
  const made = await ownFolder(path);
  onTestFinished(() => {
    made[Symbol.dispose]();
  });
  return made;
}

describe("a worker's own folder", () => {
  it('is created with permissions for this user only', async () => {
    const path = join(await folder(), 'not', 'yet');
    expect((await own(path)).path).toBe(path);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  it('is resolved if it is a link', async () => {
    const home = await folder();
    await mkdir(join(home, 'real'));
    await symlink(join(home, 'real'), join(home, 'link'));
    expect((await own(join(home, 'link'))).path).toBe(join(home, 'real'));
  });

  it('is separate for each of many workers that start at the same time', async () => {
    const path = await folder();
    const all = await Promise.all(Array.from({ length: 8 }, () => own(path)));
    expect(new Set(all.map(each => each.path)).size).toBe(8);
    expect(await furtherFolders(path)).toHaveLength(7);
    for (const each of all) each[Symbol.dispose]();
    const next = await own(path);
    expect(next.path).toBe(path);
    // A second disposal has no effect.
    for (const each of all) each[Symbol.dispose]();
    expect((await own(path)).path).toBe(join(path, 'worker-2'));
  });

  it('is kept by its new worker when the old one, whose lock file was removed, ends', async () => {
    const path = await folder();
    const first = await own(path);
    await rm(join(path, 'tcw-alive'));
    const second = await own(path);
    expect(second.path).toBe(path);
    first[Symbol.dispose]();
    expect((await own(path)).path).toBe(join(path, 'worker-2'));
  });

  it('skips names that are in use by something else', async () => {
    const path = await folder();
    await own(path);
    await writeFile(join(path, 'worker-2'), '');
    await symlink(join(path, 'nowhere'), join(path, 'worker-3'));
    await symlink(join(path, 'worker-4'), join(path, 'worker-4'));
    expect((await own(path)).path).toBe(join(path, 'worker-5'));
  });

  it('is used even if what replaced its lock file cannot be removed', async () => {
    const path = await folder();
    const stranger = join(path, 'tcw-alive', 'of another user');
    await mkdir(join(stranger, 'more'), { recursive: true });
    await chmod(stranger, 0o500);
    const problems: string[] = [];
    await asOrdinaryUser(path, async () => {
      using taken = await ownFolder(path, stays => problems.push(stays));
      expect(taken.path).toBe(path);
    });
    if (process.getuid?.() === 0)
      expect(problems).toEqual([expect.stringMatching(/tcw-alive\.[0-9a-f]{16}$/)]);
  });

  it('is free again after its worker was killed', async () => {
    const path = await folder();
    const program = `
      import { ownFolder } from ${JSON.stringify(MODULE)};
      console.log((await ownFolder(process.argv[1])).path);
      setInterval(() => undefined, 1_000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    expect(said.toString().trim()).toBe(path);
    const further = await own(path);
    expect(further.path).toBe(join(path, 'worker-2'));
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await own(path)).path).toBe(path);
  });

  it.each(['a file', 'a directory', 'a link', 'a pipe that nobody reads'])(
    'can be used despite %s in place of its lock file',
    async what => {
      const path = await folder();
      const outside = await folder();
      await writeFile(join(outside, 'precious'), '');
      const sign = join(path, 'tcw-alive');
      if (what === 'a file') await writeFile(sign, '');
      if (what === 'a directory') await mkdir(join(sign, 'inner'), { recursive: true });
      if (what === 'a link') await symlink(outside, sign);
      if (what.startsWith('a pipe')) execFileSync('mkfifo', [sign]);
      expect((await own(path)).path).toBe(path);
      expect((await lstat(sign)).isFIFO()).toBe(true);
      expect(await readdir(path)).toEqual(['tcw-alive']);
      expect(await readdir(outside)).toEqual(['precious']);
    },
  );
});
