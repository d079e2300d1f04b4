import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { closeSource } from '../../../src/worker/files/file-source.ts';
import { openFile } from '../../../src/worker/files/host-files.ts';
import { readWhole } from '../../../src/worker/files/read-whole.ts';
import { makeRunFolder } from '../../../src/worker/files/run-folder.ts';

/** A run's folder. */
async function start() {
  const parent = await mkdtemp(join(tmpdir(), 'tcw-open-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  return { home: await makeRunFolder(join(parent, 'run')) };
}

/** The content of an opened file, or the reason why nothing was opened. */
async function contentOf(path: string): Promise<string> {
  const opened = await openFile(path);
  if (opened.kind !== 'file') return opened.kind;
  const { source, size } = opened;
  try {
    return (await readWhole(source, size, new AbortController().signal)).toString();
  } finally {
    await closeSource(source);
  }
}

describe('a file that a task controls', () => {
  it('does not block if it is a pipe without a writer', async () => {
    const { home } = await start();
    execFileSync('mkfifo', [join(home.path, 'pipe')]);
    expect(await contentOf(join(home.path, 'pipe'))).toBe('neither');
  });

  // A path may lead to different files at two checks, so the descriptor is checked. macOS does not show its path.
  it.runIf(process.platform === 'linux')(
    'is never one of the worker’s own in /proc, however often a folder in its path is swapped for a link',
    async () => {
      const { home } = await start();
      const folder = join(home.path, 'folder');
      await mkdir(folder);
      await writeFile(join(folder, 'environ'), 'mine');
      await symlink('/proc/self', join(home.path, 'link'));
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
      for (let look = 0; look < 3_000; look++) seen.add(await contentOf(join(folder, 'environ')));
      expect([...seen].filter(what => !['mine', 'outside', 'missing'].includes(what))).toEqual([]);
      expect(seen).toContain('mine');
    },
  );
});
