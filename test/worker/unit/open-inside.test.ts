import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openInside } from '../../../src/worker/features/artifacts/open.ts';
import { makeRunFolder } from '../../../src/worker/files/run-folder.ts';

/** A run's folder, and beside it a folder of somebody else's. */
async function start() {
  const parent = await mkdtemp(join(tmpdir(), 'tcw-open-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  await mkdir(join(parent, 'elsewhere'));
  await writeFile(join(parent, 'elsewhere/file'), 'secret');
  return { elsewhere: join(parent, 'elsewhere'), home: await makeRunFolder(join(parent, 'run')) };
}

/** What is opened, or why nothing is. */
async function contentOf(path: string, home: Awaited<ReturnType<typeof makeRunFolder>>): Promise<string> {
  const opened = await openInside(path, home);
  if (opened.kind !== 'file') return opened.kind;
  await using handle = opened.handle;
  return handle.readFile('utf8');
}

describe('a file that a task has in its hands', () => {
  it('is not waited for when it is a pipe that nobody writes into', async () => {
    const { home } = await start();
    execFileSync('mkfifo', [join(home.path, 'pipe')]);
    expect(await contentOf(join(home.path, 'pipe'), home)).toBe('neither');
  });

  // Two looks at a path may see two files, so the descriptor has to be looked at. macOS does not tell its path.
  it.runIf(process.platform === 'linux')(
    'is never one outside, however often a folder on its way becomes a link out and back',
    async () => {
      const { home, elsewhere } = await start();
      const folder = join(home.path, 'folder');
      await mkdir(folder);
      await writeFile(join(folder, 'file'), 'mine');
      await symlink(elsewhere, join(home.path, 'link'));
      const swap = `
        const { renameSync } = require('node:fs');
        process.chdir(process.argv[1]);
        process.stdout.write('swapping');
        for (;;) {
          renameSync('folder', 'away'); renameSync('link', 'folder');
          renameSync('folder', 'link'); renameSync('away', 'folder');
        }`;
      const swapper = spawn(process.execPath, ['-e', swap, home.path]);
      onTestFinished(async () => {
        const gone = once(swapper, 'exit');
        swapper.kill('SIGKILL');
        await gone;
      });
      await once(swapper.stdout, 'data');
      const seen = new Set<string>();
      for (let look = 0; look < 3_000; look++) seen.add(await contentOf(join(folder, 'file'), home));
      expect([...seen].filter(what => !['mine', 'outside', 'missing'].includes(what))).toEqual([]);
      expect(seen).toContain('mine');
    },
  );
});
