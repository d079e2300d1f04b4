import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { removeFolder } from '../../../src/worker/files/remove-folder.ts';

const NOBODY = 65_534;
const asRoot = process.geteuid?.() === 0;

/** A folder name. Nested often enough, it exceeds the longest possible path. */
const DEEP = 'd'.repeat(200);
const goDeep = `for i in $(seq 30); do mkdir ${DEEP} && cd -P ${DEEP} || exit; done`;

/** A parent for a run's folder, and files beside it that must remain. */
async function beside() {
  const top = await mkdtemp(join(tmpdir(), 'tcw-remove-'));
  onTestFinished(() => void execFileSync('rm', ['-rf', top]));
  await mkdir(join(top, 'kept'));
  await writeFile(join(top, 'kept/file'), '');
  await mkdir(join(top, 'run'));
  return { top, folder: join(top, 'run') };
}

/** Runs a line of shell in a folder. The line may go deeper than the longest possible path. */
function shell(folder: string, line: string): void {
  execFileSync('sh', ['-c', line], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Acts as the user nobody, because permissions do not apply to root. */
async function asNobody(top: string, act: () => Promise<void>): Promise<void> {
  if (!asRoot) return act();
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, top]);
  await chown(top, NOBODY, NOBODY);
  process.seteuid?.(NOBODY);
  try {
    await act();
  } finally {
    process.seteuid?.(0);
  }
}

it('removes paths that are longer than the system allows', async () => {
  const { top, folder } = await beside();
  shell(folder, `${goDeep}; touch file; mkdir -p a/b c; ln -s /nowhere link`);
  await removeFolder(folder);
  expect(await readdir(top)).toEqual(['kept']);
});

it('removes files in folders without permissions', async () => {
  const { top, folder } = await beside();
  shell(
    folder,
    `${goDeep}; mkdir -p a/b; touch a/b/file; chmod 0 a/b a; cd ${folder}; chmod 0 ${DEEP}; mkdir -p x/y; chmod 500 x/y x .`,
  );
  await asNobody(top, () => removeFolder(folder));
  expect(await readdir(top)).toEqual(['kept']);
});

it('follows no link, at any depth and wherever it points', async () => {
  const { top, folder } = await beside();
  shell(
    folder,
    `ln -s ../kept near; ln -s ${top}/kept/file file; ${goDeep}; ln -s ${top}/kept deep; ln -s ${top}/kept/file file`,
  );
  await chmod(join(top, 'kept'), 0o755);
  await removeFolder(folder);
  expect(await readdir(top)).toEqual(['kept']);
  expect(await readdir(join(top, 'kept'))).toEqual(['file']);
});

it('removes a link in place of the folder, but not its target', async () => {
  const { top, folder } = await beside();
  shell(folder, goDeep);
  await rename(folder, join(top, 'elsewhere'));
  await symlink('elsewhere', folder);
  await removeFolder(folder);
  expect((await readdir(top)).sort()).toEqual(['elsewhere', 'kept']);
  expect(await readdir(join(top, 'elsewhere'))).toEqual([DEEP]);
  await removeFolder(join(top, 'elsewhere'));
});

it('removes names that are not valid UTF-8', async () => {
  const { top, folder } = await beside();
  shell(folder, String.raw`d=$(printf 'd\377\376'); mkdir "$d"; touch "$d/f$d"; ` + goDeep + '; mkdir "$d"');
  await removeFolder(folder);
  expect(await readdir(top)).toEqual(['kept']);
});

it('does nothing if the folder does not exist', async () => {
  const { top, folder } = await beside();
  await rm(folder, { recursive: true });
  await removeFolder(folder);
  expect(await readdir(top)).toEqual(['kept']);
});

it('removes more folders than it keeps names in memory', async () => {
  const { top, folder } = await beside();
  shell(folder, 'seq 10500 | xargs mkdir; touch 1/file 10500/file');
  await removeFolder(folder);
  expect(await readdir(top)).toEqual(['kept']);
});

it.runIf(asRoot)('removes everything else if something cannot be removed', async () => {
  const { top, folder } = await beside();
  shell(folder, `mkdir a b c; touch a/file file; ${goDeep}; touch deep`);
  await asNobody(top, async () => {
    process.seteuid?.(0);
    shell(folder, 'mkdir b/of-root; touch b/of-root/file');
    process.seteuid?.(NOBODY);
    await expect(removeFolder(folder)).rejects.toThrow('EPERM');
  });
  expect(execFileSync('find', [folder], { encoding: 'utf8' }).trim().split('\n')).toEqual(
    ['', '/b', '/b/of-root', '/b/of-root/file'].map(path => `${folder}${path}`),
  );
});
