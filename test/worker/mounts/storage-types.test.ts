import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../../src/base/index.ts';
import { connectQueue } from '../../../src/taskcluster/index.ts';
import { artifactRequest, openDownloads, type Downloads } from '../../../src/worker/stores/index.ts';
import { EXPIRES, startRun } from '../../local/artifact-requests.ts';
import { startQueue, type QueueUnderTest } from '../../local/queue-under-test.ts';
import { contentServer, serving } from './content-server.ts';

const S3 = { storageType: 's3', expires: EXPIRES, contentType: 'text/plain' };

/** A store of downloads in its own folder. */
async function store(): Promise<Downloads> {
  const dir = await mkdtemp(join(tmpdir(), 'tcw-storage-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return openDownloads(dir, {
    secret: new Secret('x'),
    limits: { backoff: { baseMs: 0, capMs: 0 }, tries: 2 },
  });
}

/** Downloads an artifact of a task's latest run into a new store, with the right to read everything. */
async function download(queue: QueueUnderTest, taskId: string, artifact: string) {
  await using downloads = await store();
  return downloadAs('root', downloads, queue, taskId, artifact);
}

/** @returns the content, or the reason why there is none */
async function downloadAs(
  client: 'root' | 'nobody',
  downloads: Downloads,
  queue: QueueUnderTest,
  taskId: string,
  artifact: string,
) {
  const { clientId, accessToken } = queue.credentials[client];
  const connected = connectQueue({
    rootUrl: queue.rootUrl,
    credentials: { clientId, accessToken: new Secret(accessToken) },
    taskQueueId: 'a/b',
    workerGroup: 'group',
    workerId: 'id',
  });
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const asking = { rootUrl: queue.rootUrl, service: (signal?: AbortSignal) => connected.service(signal) };
  try {
    await using found = await downloads.get(artifactRequest({ taskId, artifact }, asking), {
      signal: new AbortController().signal,
      log: { info: say, warn: say, error: say },
    });
    return await text(found.handle.createReadStream({ autoClose: false, start: 0 }));
  } catch (error) {
    return (error as Error).message;
  } finally {
    expect(lines.join('\n')).not.toMatch(/signature=|accessToken|certificate/);
  }
}

async function put(url: string, content: Buffer, headers: Record<string, string> = {}): Promise<void> {
  const { ok } = await fetch(url, { method: 'PUT', body: new Uint8Array(content), headers });
  expect(ok).toBe(true);
}

it.each(['public/file', 'private/file'])('an s3 artifact %s is downloaded', async name => {
  await using queue = await startQueue();
  const { taskId, run } = await startRun(queue);
  const { putUrl } = (await run.createArtifact(taskId, 0, name, S3)) as { putUrl: string };
  await put(putUrl, Buffer.from('content'));
  expect(await download(queue, taskId, name)).toBe('content');
});

it('an artifact that is stored compressed is decompressed', async () => {
  await using queue = await startQueue();
  const { taskId, run } = await startRun(queue);
  const { putUrl } = (await run.createArtifact(taskId, 0, 'public/log', S3)) as { putUrl: string };
  await put(putUrl, gzipSync('content'), { 'content-encoding': 'gzip' });
  expect(await download(queue, taskId, 'public/log')).toBe('content');
});

it('a link artifact yields its target', async () => {
  await using queue = await startQueue();
  const { taskId, run } = await startRun(queue);
  const { putUrl } = (await run.createArtifact(taskId, 0, 'public/other', S3)) as { putUrl: string };
  await put(putUrl, Buffer.from('content'));
  const link = { storageType: 'link', expires: EXPIRES, contentType: 'text/plain', artifact: 'public/other' };
  await run.createArtifact(taskId, 0, 'public/link', link);
  expect(await download(queue, taskId, 'public/link')).toBe('content');
});

it('a link artifact yields its target only to tasks that may read the target, even if it is already stored', async () => {
  await using queue = await startQueue();
  const { taskId, run } = await startRun(queue);
  const { putUrl } = (await run.createArtifact(taskId, 0, 'private/other', S3)) as { putUrl: string };
  await put(putUrl, Buffer.from('secret'));
  const link = {
    storageType: 'link',
    expires: EXPIRES,
    contentType: 'text/plain',
    artifact: 'private/other',
  };
  await run.createArtifact(taskId, 0, 'public/link', link);
  await using downloads = await store();
  expect(await downloadAs('root', downloads, queue, taskId, 'public/link')).toBe('secret');
  const refused = await downloadAs('nobody', downloads, queue, taskId, 'public/link');
  expect(refused).toMatch(/^Could not fetch from task .* artifact public\/link into file .* due to /);
  expect(await downloadAs('root', downloads, queue, taskId, 'public/link')).toBe('secret');
});

it.each([true, false])(
  'a reference artifact yields its URL, but never a local file (web: %s)',
  async isWeb => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const { url } = await contentServer(serving('elsewhere'));
    const reference = { storageType: 'reference', expires: EXPIRES, contentType: 'text/plain' };
    await run.createArtifact(taskId, 0, 'public/x', {
      ...reference,
      url: isWeb ? url : 'file:///etc/passwd',
    });
    const got = await download(queue, taskId, 'public/x');
    if (isWeb) expect(got).toBe('elsewhere');
    else expect(got).toMatch(/^Could not fetch from task .* artifact public\/x into file .* due to .*http/);
  },
);

it('an error artifact fails with its reason', async () => {
  await using queue = await startQueue();
  const { taskId, run } = await startRun(queue);
  const error = {
    storageType: 'error',
    expires: EXPIRES,
    reason: 'file-missing-on-worker',
    message: 'no such file',
  };
  await run.createArtifact(taskId, 0, 'public/x', error);
  expect(await download(queue, taskId, 'public/x')).toMatch(
    /due to the artifact is an error: file-missing-on-worker: no such file$/,
  );
});

it.each([
  ['right', 'content', 'content'],
  [
    'wrong',
    'other',
    /due to the content was damaged in transit: its SHA-256 is [0-9a-f]{64} \(tried 2 times\)$/,
  ],
])(
  'an artifact of the object service is downloaded and compared with its hash, which is %s',
  async (_, hashed, expected) => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const object = { storageType: 'object', expires: EXPIRES, contentType: 'text/plain' };
    const upload = await run.createArtifact(taskId, 0, 'public/obj', object);
    if (upload.storageType !== 'object') throw new Error('no object');
    const { name, projectId, uploadId, credentials } = upload;
    const service = queue.connectTo('object', credentials);
    const objectData = Buffer.from('content').toString('base64');
    const hashes = { sha256: createHash('sha256').update(hashed).digest('hex') };
    const proposedUploadMethods = { dataInline: { contentType: 'text/plain', objectData } };
    await service.createUpload(name, {
      projectId,
      uploadId,
      expires: EXPIRES,
      hashes,
      proposedUploadMethods,
    });
    await service.finishUpload(name, { projectId, uploadId, hashes });
    await run.finishArtifact(taskId, 0, 'public/obj', { uploadId });
    expect(await download(queue, taskId, 'public/obj')).toEqual(
      typeof expected === 'string' ? expected : expect.stringMatching(expected),
    );
  },
);
