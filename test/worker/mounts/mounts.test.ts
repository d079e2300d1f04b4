import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { waitFor } from '../../wait-for.ts';
import { deployment, sh, type Deployment, type RunningWorker } from '../deployment.ts';
import { answering, contentServer, serving, silent } from './content-server.ts';
import { tar } from './tar.ts';

const sha256 = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');
const SCOPES = ['generic-worker:cache:*'];

let local: Deployment;
let worker: RunningWorker;

beforeAll(async () => {
  local = await deployment();
  worker = await local.startWorker({ capacity: 2 });
});
afterAll(() => local.close());

/** Runs a task with these mounts. */
async function run(mounts: object[], script: string, definition: object = {}, payload: object = {}) {
  const taskId = await local.createTask(
    { ...sh(script), mounts, ...payload },
    { scopes: SCOPES, ...definition },
  );
  const { state, runs } = await local.resolved(taskId);
  return { taskId, state, reason: runs.at(-1)?.reasonResolved, log: await local.log(taskId) };
}

/** Runs a task that publishes each file of its folders `public` and `private` as an artifact. */
async function producer(script: string): Promise<string> {
  const artifacts = ['public', 'private'].map(name => ({ type: 'directory', path: name, name }));
  const taskId = await local.createTask({ ...sh(`mkdir public private; ${script}`), artifacts });
  expect((await local.resolved(taskId)).state).toBe('completed');
  return taskId;
}

const left = async () => (await readdir(worker.tasksDir)).filter(name => name.startsWith('task_'));

const downloads = async () =>
  (await readdir(join(worker.tasksDir, '.downloads'))).filter(name => name.endsWith('.download')).sort();

describe('a file', () => {
  it.each([
    ['as it is', undefined, (content: Buffer) => content],
    ['gz', 'gz', gzipSync],
    ['br', 'br', brotliCompressSync],
    ['zst', 'zst', zstdCompressSync],
    ['zz', 'zz', deflateSync],
  ] as const)('of a URL is mounted: %s', async (_, format, pack) => {
    const { url } = await contentServer(serving(pack(Buffer.from('the content\n'))));
    const mount = { file: 'some/where/file', content: { url }, ...(format && { format }) };
    const { state, log } = await run(
      [mount],
      'test "$(cat some/where/file)" = "the content" && ls -l some/where/file',
    );
    expect(log).toContain(`[mounts] Downloading url ${url} to `);
    expect(log).toContain(format ? `[mounts] Decompressing ${format} file ` : '[mounts] Copying ');
    expect(state).toBe('completed');
  });

  it('can be made executable and run by the task', async () => {
    const { url } = await contentServer(serving('#!/bin/sh\necho it ran with $1\n'));
    const content = { url, sha256: sha256('#!/bin/sh\necho it ran with $1\n') };
    const taskId = await local.createTask({
      command: [
        ['chmod', '+x', 'run-task'],
        ['./run-task', 'this'],
      ],
      mounts: [{ file: 'run-task', content }],
    });
    expect((await local.resolved(taskId)).state).toBe('completed');
    expect(await local.log(taskId)).toContain('it ran with this');
  });

  it.each([
    ['raw', { raw: 'ä text\n' }],
    ['base64', { base64: Buffer.from('ä text\n').toString('base64') }],
  ])('of %s content contains the value of the payload', async (_, content) => {
    const { state } = await run([{ file: 'file', content }], 'test "$(cat file)" = "ä text"');
    expect(state).toBe('completed');
  });

  it.runIf(process.platform === 'linux')('below a file of the machine fails the task', async () => {
    const { state, log } = await run([{ file: '/dev/null/x', content: { raw: 'new' } }], 'true');
    expect([state, log]).toEqual([
      'failed',
      expect.stringContaining('cannot mount what the task requests: ENOTDIR: not a directory'),
    ]);
  });

  it('replaces a file, but not a directory', async () => {
    const archive = tar([
      { name: 'file', content: 'old' },
      { name: 'folder/x', content: 'x' },
    ]);
    const directory = { directory: '.', content: { base64: archive.toString('base64') }, format: 'tar' };
    const over = (file: string) => [directory, { file, content: { raw: 'new' } }];
    expect((await run(over('file'), 'test "$(cat file)" = new')).state).toBe('completed');
    const { state, log } = await run(over('folder'), 'true');
    expect(state).toBe('failed');
    expect(log).toMatch(/cannot mount file at path .*\/folder since it already exists as a directory/);
  });

  it('with invalid content fails the task before any command', async () => {
    const { state, log } = await run(
      [{ file: 'file', content: { raw: 'no gzip' }, format: 'gz' }],
      'echo ran',
    );
    expect(state).toBe('failed');
    expect(log).toMatch(/not able to decompress Raw \(no gzip\) to /);
    expect(log).not.toContain('Executing command');
  });
});

describe('an artifact', () => {
  it('of a dependency is mounted, the second time without a transfer', async () => {
    const taskId = await producer('printf content > public/file');
    const mounts = [
      { file: 'file', content: { taskId, artifact: 'public/file', sha256: sha256('content') } },
    ];
    const first = await run(mounts, 'test "$(cat file)" = content', { dependencies: [taskId] });
    expect(first.state).toBe('completed');
    expect(first.log).toContain(`[mounts] Downloading task ${taskId} artifact public/file to `);
    expect(first.log).toContain(
      `[mounts] Downloaded 7 bytes with SHA256 ${sha256('content')} from task ${taskId} artifact public/file to `,
    );
    const second = await run(mounts, 'test "$(cat file)" = content', { dependencies: [taskId] });
    expect(second.state).toBe('completed');
    expect(second.log).toContain(`[mounts] Found existing download for artifact:${taskId}:public/file (`);
    expect(second.log).not.toContain('Downloading');
  });

  it('of a task that is not a dependency is refused', async () => {
    const taskId = await producer('printf content > public/file');
    const { state, reason, log } = await run(
      [{ file: 'file', content: { taskId, artifact: 'public/file' } }],
      'true',
    );
    expect([state, reason]).toEqual(['exception', 'malformed-payload']);
    expect(log).toContain(
      `task.dependencies needs to include ${taskId} since one or more of its artifacts are mounted`,
    );
  });

  it('that is private needs a scope of the task, even if the worker has it', async () => {
    const taskId = await producer('printf content > private/file');
    const mounts = [{ file: 'file', content: { taskId, artifact: 'private/file' } }];
    const dependencies = [taskId];
    const scopes = ['queue:get-artifact:private/*'];
    expect((await run(mounts, 'cat file', { dependencies, scopes })).state).toBe('completed');
    const { state, log } = await run(mounts, 'true', { dependencies, scopes: [] });
    expect(state).toBe('failed');
    expect(log).toMatch(
      /Could not fetch from task .* artifact private\/file into file .* due to .*queue:get-artifact:private\/file/s,
    );
    expect(log).not.toContain('signature=');
  });

  it('that does not exist fails the task', async () => {
    const taskId = await producer('true');
    const mounts = [{ file: 'file', content: { taskId, artifact: 'public/none' } }];
    const { state, log } = await run(mounts, 'true', { dependencies: [taskId] });
    expect(state).toBe('failed');
    expect(log).toMatch(/\[mounts\] Could not fetch from task .* artifact public\/none into file .* due to /);
  });

  it('of an indexed task is mounted from an archive', async () => {
    const taskId = await local.createTask(
      {
        ...sh(
          'mkdir x public; echo content > x/file; tar cjf public/x.tar.bz2 x || tar czf public/x.tar.bz2 x',
        ),
        artifacts: [{ type: 'directory', path: 'public', name: 'public' }],
      },
      { routes: ['index.test.mounts.latest'] },
    );
    expect((await local.resolved(taskId)).state).toBe('completed');
    const content = { namespace: 'test.mounts.latest', artifact: 'public/x.tar.bz2' };
    const scopes = ['index:find-task:test.mounts.latest'];
    const { state, log } = await run([{ directory: '.', content, format: 'tar.bz2' }], 'cat x/file', {
      scopes,
    });
    expect(log).toContain('[mounts] Downloading namespace test.mounts.latest artifact public/x.tar.bz2 to ');
    expect(state).toBe('completed');
  });

  it('of a task that is not in the index fails the task', async () => {
    const content = { namespace: 'test.mounts.none', artifact: 'public/x' };
    const { state, log } = await run([{ file: 'x', content }], 'true', { scopes: ['index:find-task:*'] });
    expect(state).toBe('failed');
    expect(log).toContain('cannot mount what the task requests: findTask: ');
  });
});

describe('a directory', () => {
  const archive = tar([{ name: 'a/file', content: 'content' }]);
  it.each([
    ['tar', archive],
    ['tar.gz', gzipSync(archive)],
    ['tar.zst', zstdCompressSync(archive)],
    ['tar.br', brotliCompressSync(archive)],
  ])('is unpacked from %s, and is writable', async (format, packed) => {
    const { url } = await contentServer(serving(packed));
    const { state, log } = await run(
      [{ directory: 'some/where', content: { url }, format }],
      'test "$(cat some/where/a/file)" = content && touch some/where/a/more',
    );
    expect(log).toMatch(new RegExp(`\\[mounts\\] Extracting ${format} file .* to '.*some/where'`));
    expect(state).toBe('completed');
  });

  it('may be anywhere that the worker can write', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tcw-mounts-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const target = join(folder, 'deep', 'er');
    const content = { base64: archive.toString('base64') };
    const { state } = await run([{ directory: target, content, format: 'tar' }], `cat ${target}/a/file`);
    expect(state).toBe('completed');
  });

  it('from an invalid archive fails the task', async () => {
    const { state, log } = await run(
      [{ directory: 'x', content: { raw: 'nonsense' }, format: 'zip' }],
      'echo ran',
    );
    expect(state).toBe('failed');
    expect(log).toContain('cannot unarchive Raw (nonsense) to ');
    expect(log).not.toContain('Executing command');
  });
});

describe('a cache', () => {
  it('is kept from one task to the next, with its content', async () => {
    const content = { base64: tar([{ name: 'seed', content: 'seed' }]).toString('base64') };
    const mounts = [{ cacheName: 'kept', directory: 'the/cache', content, format: 'tar' }];
    const first = await run(mounts, 'cat the/cache/seed && echo more > the/cache/more');
    expect(first.log).toMatch(
      /\[mounts\] No existing writable directory cache 'kept' - creating [^]*\[mounts\] Successfully mounted writable directory cache '.*the\/cache'[^]*\[mounts\] Preserving cache: Moving ".*" to ".*"/,
    );
    const second = await run(mounts, 'cat the/cache/seed the/cache/more');
    expect(second.state).toBe('completed');
    expect(second.log).toContain('[mounts] Moving existing writable directory cache kept from ');
  });

  it('needs a scope', async () => {
    const { reason, log } = await run([{ cacheName: 'x', directory: 'x' }], 'true', { scopes: [] });
    expect(reason).toBe('malformed-payload');
    expect(log).toContain('generic-worker:cache:x');
  });

  it('is discarded after an exit code of onExitStatus.purgeCaches', async () => {
    const mounts = [{ cacheName: 'purged', directory: 'cache' }];
    const first = await run(mounts, 'touch cache/x; exit 3', {}, { onExitStatus: { purgeCaches: [3] } });
    expect(first.log).toContain('[mounts] Purging caches since last command had exit code 3 which is listed');
    expect(first.log).toContain('[mounts] Removing cache purged from cache table');
    expect((await run(mounts, 'test ! -e cache/x')).state).toBe('completed');
  });

  it('is kept after a command that failed', async () => {
    const mounts = [{ cacheName: 'failed', directory: 'cache' }];
    expect((await run(mounts, 'touch cache/x; exit 3')).state).toBe('failed');
    expect((await run(mounts, 'test -e cache/x')).state).toBe('completed');
  });

  it('is discarded after a cancellation', async () => {
    const mounts = [{ cacheName: 'cancelled', directory: 'cache' }];
    const taskId = await local.createTask({ ...sh('touch cache/x; sleep 600'), mounts }, { scopes: SCOPES });
    await local.running(taskId);
    await waitFor(async () => {
      const [folder = ''] = await left();
      expect(await readdir(join(worker.tasksDir, folder, 'cache'))).toEqual(['x']);
    });
    await local.cancelTask(taskId);
    await waitFor(async () => {
      expect(await left()).toEqual([]);
    });
    expect(await local.log(taskId)).toContain('[mounts] Purging caches since the task was aborted');
    expect((await run(mounts, 'test ! -e cache/x')).state).toBe('completed');
  });

  it('that contains a link does not lead the worker to write elsewhere', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'tcw-outside-'));
    onTestFinished(() => rm(outside, { recursive: true, force: true }));
    const cache = { cacheName: 'planted', directory: 'cache' };
    await run([cache], `ln -s ${outside} cache/link; ln -s ${outside}/planted cache/file`);
    for (const mount of [
      { file: 'cache/link/planted', content: { raw: 'evil' } },
      { file: 'cache/link/deep/planted', content: { raw: 'evil' } },
      {
        directory: 'cache/link',
        content: { base64: tar([{ name: 'planted', content: 'evil' }]).toString('base64') },
        format: 'tar',
      },
      { cacheName: 'other', directory: 'cache/link/other' },
    ]) {
      const { state, log } = await run([cache, mount], 'true');
      expect(state).toBe('failed');
      expect(log).toMatch(
        /cannot mount anything in .* since .*cache\/link is a link, which the worker does not follow/,
      );
    }
    // A link in place of the file itself is replaced.
    const mounts = [cache, { file: 'cache/file', content: { raw: 'good' } }];
    expect((await run(mounts, 'test ! -L cache/file && cat cache/file')).state).toBe('completed');
    expect(await readdir(outside)).toEqual([]);
  });

  it('that the task has removed fails the task', async () => {
    const { state, log } = await run([{ cacheName: 'gone', directory: 'cache' }], 'rm -rf cache');
    expect(state).toBe('failed');
    expect(log).toContain('could not persist cache "gone" due to ');
  });
});

describe('a payload with mounts', () => {
  it.each([
    [[{ file: '../x', content: { raw: '' } }], 'leads out of the task’s folder'],
    [[{ directory: 'a/../../x', content: { raw: '' }, format: 'zip' }], 'leads out of the task’s folder'],
    [[{ file: '.', content: { raw: '' } }], 'names no file'],
    [[{ file: 'x/', content: { raw: '' } }], 'names no file'],
    [[{ cacheName: 'x', directory: '.' }], 'which exists already'],
    [[{ file: 'x', content: { base64: '***' } }], 'is not base64'],
    [
      [
        { file: 'x', content: { raw: '' } },
        { file: './x', content: { raw: '' } },
      ],
      'has the same path',
    ],
    [[{ file: 'x', content: { url: 'http://x/', sha256: 'ABC' } }], 'mounts/0'],
    [[{ file: 'x', content: { raw: 'x'.repeat(65_537) } }], 'mounts/0'],
    [[{ file: 'x', content: {} }], 'mounts/0'],
    [[{ file: 'x', content: { raw: '' }, format: 'zip' }], 'mounts/0'],
    [[{ directory: 'x', content: { raw: '' } }], 'mounts/0'],
    [[{ cacheName: 'x', directory: 'x', format: 'zip' }], 'mounts/0'],
  ])('that are invalid is refused: %j', async (mounts, words) => {
    const { reason, log } = await run(mounts, 'true');
    expect(reason).toBe('malformed-payload');
    expect(log).toContain(words.replace('’', "'"));
  });

  it('is refused if the pool disables mounts', async () => {
    const other = await deployment();
    try {
      await other.startWorker({ enableMounts: false });
      const taskId = await other.createTask({ ...sh('true'), mounts: [{ file: 'x', content: { raw: '' } }] });
      expect((await other.resolved(taskId)).runs[0]?.reasonResolved).toBe('malformed-payload');
      expect(await other.log(taskId)).toContain(
        'this task is attempting to use feature "mounts", but it\'s not enabled',
      );
    } finally {
      await other.close();
    }
  });

  it('that cannot be mounted runs no command, and keeps no cache', async () => {
    const { url } = await contentServer(answering(404));
    const { state, log } = await run([{ file: 'x', content: { url } }], 'echo ran');
    expect(state).toBe('failed');
    expect(log).not.toContain('Executing command');
    expect(await left()).toEqual([]);
  });

  it('that is cancelled during a download ends at once, and keeps no cache', async () => {
    const { url, requests } = await contentServer(silent);
    const before = await downloads();
    const mounts = [
      { cacheName: 'interrupted', directory: 'cache' },
      { file: 'x', content: { url } },
    ];
    const taskId = await local.createTask({ ...sh('echo ran'), mounts }, { scopes: SCOPES });
    await waitFor(() => {
      expect(requests).toHaveLength(1);
    });
    await local.cancelTask(taskId);
    await waitFor(async () => {
      expect(await left()).toEqual([]);
    });
    expect(await local.log(taskId)).not.toContain('Executing command');
    await waitFor(async () => {
      expect(await downloads()).toEqual(before);
    });
  });
});

it('two tasks that need the same content at the same time share its transfer', async () => {
  const { url, requests } = await contentServer(response => setTimeout(() => response.end('content'), 1_500));
  const both = await Promise.all(
    [1, 2].map(() => run([{ file: 'x', content: { url } }], 'test "$(cat x)" = content')),
  );
  expect(both.map(({ state }) => state)).toEqual(['completed', 'completed']);
  expect(requests).toHaveLength(1);
});
