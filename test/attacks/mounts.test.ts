import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newFile } from '../../src/worker/files/new-file.ts';
import { removeFolder } from '../../src/worker/files/remove-folder.ts';
import { makeRunFolder, removeRunFolder } from '../../src/worker/files/run-folder.ts';
import { queueForWorkers } from '../cli/workers.ts';

// Only root can mount. A task that is root in a PID namespace mounts in a mount namespace of its own, which goes with it.
const asRoot = process.platform === 'linux' && process.getuid?.() === 0;

const sh = (line: string, ...words: string[]) =>
  execFileSync('sh', ['-ec', line, 'sh', ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** What is mounted at a path or below it. */
const mountsBelow = (path: string) =>
  sh('cut -d" " -f5 /proc/self/mountinfo')
    .split('\n')
    .map(at =>
      at.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter(at => at === path || at.startsWith(`${path}/`));

function unmountBelow(path: string): void {
  for (const at of mountsBelow(path).reverse()) sh('umount -l "$1" || true', at);
}

/** A run's folder, and beside it a folder that has to stay as it is. */
async function beside() {
  const top = await mkdtemp(join(tmpdir(), 'tcw-mounts-'));
  onTestFinished(() => {
    unmountBelow(top);
    sh('rm -rf --one-file-system "$1"', top);
  });
  const precious = join(top, 'precious');
  await mkdir(join(precious, 'deep'), { recursive: true, mode: 0o755 });
  await writeFile(join(precious, 'deep/file'), 'precious');
  const home = await makeRunFolder(join(top, 'run'));
  return {
    top,
    precious,
    home,
    run: home.path,
    expectNothingLost: async () => {
      expect(await readFile(join(precious, 'deep/file'), 'utf8')).toBe('precious');
      expect((await stat(precious)).mode & 0o777).toBe(0o755);
    },
  };
}

describe.runIf(asRoot)('cleaning up does not empty what a task of root has mounted', () => {
  it.each([
    ['in its folder', 'mkdir "$2/m"; mount --bind "$1" "$2/m"'],
    ['deep in its folder', 'mkdir -p "$2/a/b/c"; mount --bind "$1" "$2/a/b/c"'],
    ['over its folder', 'mount --bind "$1" "$2"'],
    ['over its folder, which is not empty', 'touch "$2/x"; mount --bind "$1" "$2"'],
    [
      'over its folder, more than once',
      'mount -t tmpfs none "$2"; mount --bind "$1" "$2"; mount --bind "$1" "$2"',
    ],
    [
      'in its folder, where nothing may be read',
      'mkdir -p "$2/a/m"; mount --bind "$1" "$2/a/m"; chmod 0 "$2/a"',
    ],
    ['with all that is mounted in it', 'mkdir "$2/m"; mount --rbind "$1" "$2/m"'],
    ['as a file', 'touch "$2/m"; mount --bind "$1/deep/file" "$2/m"'],
    ['by links', 'mkdir "$2/m"; ln -s "$2/m" "$2/l"; mount --bind "$1" "$2/l"'],
    ['in what is mounted', 'mount -t tmpfs none "$2"; mkdir "$2/m"; mount --bind "$1" "$2/m"'],
    ['under a name with spaces', 'mkdir "$2/a b\\040c"; mount --bind "$1" "$2/a b\\040c"'],
  ])('%s', async (_, line) => {
    const { home, precious, run, top, expectNothingLost } = await beside();
    sh(line, precious, run);
    await removeRunFolder(home);
    await expectNothingLost();
    expect(await readdir(top)).toEqual(['precious']);
    expect(mountsBelow(top)).toEqual([]);
  });

  it('and does not unmount anything elsewhere, even if the mount is shared', async () => {
    const { home, precious, run, top, expectNothingLost } = await beside();
    sh('mount -t tmpfs none "$1/deep"; touch "$1/deep/file"', precious);
    sh('mount --bind "$1" "$1"; mount --make-rshared "$1"; mount -t tmpfs none "$1/deep"', precious);
    sh('printf precious >"$1/deep/file"; mkdir "$2/m"; mount --rbind "$1" "$2/m"', precious, run);
    const before = mountsBelow(precious);
    await removeRunFolder(home);
    await expectNothingLost();
    expect(mountsBelow(precious)).toEqual(before);
    expect((await readdir(top)).filter(name => name !== 'precious')).toEqual([]);
  });

  it('nor what is mounted in place of its log', async () => {
    const { top, precious, expectNothingLost } = await beside();
    const log = join(top, 'run.log');
    sh('touch "$2"; mount --bind "$1/deep/file" "$2"', precious, log);
    await using handle = await newFile(log);
    await handle.writeFile('mine');
    await expectNothingLost();
  });

  it('at the end of a run, which is reported as usual, and the next run is not affected', async () => {
    const { precious, expectNothingLost } = await beside();
    const here = await queueForWorkers();
    onTestFinished(async () => {
      unmountBelow(here.tasksDir);
      await here.close();
    });
    const worker = here.start('--containment=process-group');
    const hostile = await here.create(
      `mkdir m && mount --bind ${precious} m && mount --bind ${precious} . && echo mounted`,
    );
    await here.reaches(hostile, 'completed');
    await here.reaches(await here.create('test -z "$(ls)"'), 'completed');
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(72);
    await expectNothingLost();
    expect(await readdir(here.tasksDir)).toEqual([]);
  });
});

describe('a replacement of a run’s folder', () => {
  it('is not emptied if it is another folder, which is logged', async () => {
    const { home, precious, run, top } = await beside();
    await rename(run, join(top, 'aside'));
    await rename(precious, run);
    await expect(removeRunFolder(home)).rejects.toThrow(/not the folder that was created/);
    expect(await readFile(join(run, 'deep/file'), 'utf8')).toBe('precious');
  });

  it('is removed if it is a link, but its target is kept', async () => {
    const { home, run, top, expectNothingLost } = await beside();
    await rename(run, join(top, 'aside'));
    await symlink('precious', run);
    await removeRunFolder(home);
    await expectNothingLost();
    expect((await readdir(top)).sort()).toEqual(['aside', 'precious']);
    await removeFolder(join(top, 'aside'));
  });

  it('is removed if it is a FIFO, and may be missing', async () => {
    const { home, run, top } = await beside();
    sh('rmdir "$1"; mkfifo "$1"', run);
    await removeRunFolder(home);
    await removeRunFolder(home);
    expect(await readdir(top)).toEqual(['precious']);
  });
});
