import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deployment, sh, type Deployment } from '../deployment.ts';
import { contentServer, serving } from './content-server.ts';
import { tar } from './tar.ts';

// Each kind of mount in real tasks, with harmless commands.

const FIXTURES = fileURLToPath(new URL('../unpack/fixtures/', import.meta.url));
const PROGRAM = '#!/bin/sh\necho ran with "$@"\n';
const TREE = tar([{ name: 'tree/sub/a.txt', content: 'hello\n' }]);
const NAMESPACE = 'test.shapes.latest';

let local: Deployment;
let folder: string;
let taskId: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcw-shapes-'));
  await writeFile(join(folder, 'file'), PROGRAM);
  await writeFile(join(folder, 'file.zst'), zstdCompressSync(PROGRAM));
  await writeFile(join(folder, 'tree.tar.gz'), gzipSync(TREE));
  await writeFile(join(folder, 'tree.tar.zst'), zstdCompressSync(TREE));
  local = await deployment();
  await local.startWorker();
  taskId = await local.createTask(
    {
      ...sh(`mkdir public && cp ${folder}/* ${FIXTURES}tree.zip ${FIXTURES}tree.tar.bz2 public`),
      artifacts: [{ type: 'directory', path: 'public', name: 'public/build' }],
    },
    { routes: [`index.${NAMESPACE}`] },
  );
  expect((await local.resolved(taskId)).state).toBe('completed');
});
afterAll(async () => {
  await local.close();
  await rm(folder, { recursive: true, force: true });
});

async function completes(mounts: object[], command: string[][]): Promise<void> {
  const scopes = ['generic-worker:cache:*', `index:find-task:${NAMESPACE}`];
  const dependent = await local.createTask({ command, mounts }, { dependencies: [taskId], scopes });
  const { state } = await local.resolved(dependent);
  expect(state, await local.log(dependent)).toBe('completed');
}

const runTask = [
  ['chmod', '+x', 'run-task'],
  ['./run-task', '--this', '--', 'that'],
];
const artifact = (name: string) => ({ taskId, artifact: `public/build/${name}` });
const isThere = (file: string) => sh(`test "$(cat ${file})" = hello`).command;

it('a file of a URL is made executable and run', async () => {
  const { url } = await contentServer(serving(PROGRAM));
  await completes([{ file: 'run-task', content: { url } }], runTask);
});

it('a file of an artifact is mounted unchanged and decompressed', async () => {
  await completes([{ file: 'run-task', content: artifact('file') }], runTask);
  await completes([{ file: 'run-task', content: artifact('file.zst'), format: 'zst' }], runTask);
});

it('a file of raw content is mounted', () =>
  completes([{ file: 'run-task', content: { raw: PROGRAM } }], runTask));

it('a cache is mounted with a program that uses it', async () => {
  const mounts = [
    { cacheName: 'checkouts', directory: 'build' },
    { file: 'run-task', content: { raw: PROGRAM } },
  ];
  await completes(mounts, [...runTask, ['touch', 'build/x']]);
  await completes(mounts, [...runTask, ['test', '-e', 'build/x']]);
});

it.each([
  ['zip', 'tree.zip', 'fetches', 'fetches/sub/a.txt'],
  ['zip', 'tree.zip', '.', 'sub/a.txt'],
  ['tar.bz2', 'tree.tar.bz2', '.', 'sub/a.txt'],
  ['tar.zst', 'tree.tar.zst', 'deep/er', 'deep/er/tree/sub/a.txt'],
  ['tar.gz', 'tree.tar.gz', '.', 'tree/sub/a.txt'],
])('a directory of an artifact is mounted: %s, %s at %s', async (format, name, directory, file) => {
  await completes([{ directory, content: artifact(name), format }], isThere(file));
});

it.each([
  ['tar.gz', 'tree.tar.gz', 'tree/sub/a.txt'],
  ['zip', 'tree.zip', 'sub/a.txt'],
])('a directory of a URL is mounted: %s', async (format, name, file) => {
  const content = await readFile(name.endsWith('zip') ? `${FIXTURES}${name}` : join(folder, name));
  const { url } = await contentServer(serving(content));
  await completes([{ directory: '.', content: { url }, format }], isThere(file));
});

it('a directory of an indexed artifact is mounted', async () => {
  const content = { namespace: NAMESPACE, artifact: 'public/build/tree.tar.bz2' };
  await completes([{ directory: 'toolchain', content, format: 'tar.bz2' }], isThere('toolchain/sub/a.txt'));
});

it('a directory is mounted at an absolute path', async () => {
  const directory = join(folder, 'absolute');
  await completes(
    [{ directory, content: artifact('tree.tar.gz'), format: 'tar.gz' }],
    isThere(`${directory}/tree/sub/a.txt`),
  );
});

it('several of them are mounted together, in the order of the payload', async () => {
  const { url } = await contentServer(serving(PROGRAM));
  await completes(
    [
      { cacheName: 'together', directory: 'cache' },
      { directory: '.', content: artifact('tree.zip'), format: 'zip' },
      { directory: 'cache', content: artifact('tree.tar.gz'), format: 'tar.gz' },
      { file: 'run-task', content: { url } },
      { file: 'sub/b.txt', content: { base64: 'aGVsbG8K' } },
    ],
    [...runTask, ['cmp', 'sub/a.txt', 'sub/b.txt'], ['cmp', 'sub/a.txt', 'cache/tree/sub/a.txt']],
  );
});
