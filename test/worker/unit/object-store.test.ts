import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../../src/base/index.ts';
import {
  connectQueue,
  serviceCalls,
  taskCredentials,
  type RunCalls,
} from '../../../src/taskcluster/index.ts';
import { runArtifacts } from '../../../src/worker/artifacts/run-artifacts.ts';
import type { StreamSource } from '../../../src/worker/files/file-source.ts';
import { startQueue, TASK_QUEUE_ID, WORKER } from '../../local/queue-under-test.ts';
import { inHours } from './uploading-run.ts';

/** A run that was claimed at a real queue. Its artifacts go to the object service. */
async function start() {
  const real = await startQueue();
  onTestFinished(() => real.close());
  const beside = await mkdtemp(join(tmpdir(), 'tcw-object-'));
  onTestFinished(() => rm(beside, { recursive: true, force: true }));
  const expires = inHours(24);
  await real.create({ deadline: inHours(1), expires });
  const connect = ({ clientId, accessToken }: { clientId: string; accessToken: string }) =>
    connectQueue({
      rootUrl: real.rootUrl,
      credentials: { clientId, accessToken: new Secret(accessToken) },
      taskQueueId: TASK_QUEUE_ID,
      ...WORKER,
    });
  const queue = connect(real.credentials.worker);
  const [claim] = await queue.claimWork(1);
  if (!claim) throw new Error('nothing was claimed');
  const calls = queue.forRun(claim);
  const sinkOf = (made: RunCalls) =>
    runArtifacts({ calls: made, expires, beside: join(beside, 'x'), storage: 'object' });
  const reader = connect(real.credentials.root);
  return {
    claim,
    calls,
    sinkOf,
    sink: sinkOf(calls),
    handleOf: async (content: Buffer) => {
      const handle = await open(join(beside, 'file'), 'wx+');
      onTestFinished(() => handle.close());
      await handle.writeFile(content);
      return handle;
    },
    listed: async () => {
      const { artifacts } = await real.root.listArtifacts(claim.taskId, '0');
      return artifacts.map(({ name, storageType }) => `${storageType} ${name}`).sort();
    },
    /** Downloads an artifact as Taskcluster's clients do. Returns the content and the announced hash. */
    download: async (name: string) => {
      const content = await reader.service()('queue', 'latestArtifact', claim.taskId, name);
      if (content.storageType !== 'object') throw new Error(`it is ${content.storageType}`);
      const call = serviceCalls({ rootUrl: real.rootUrl });
      const accept = { acceptDownloadMethods: { getUrl: true } } as const;
      const answer = await call(
        taskCredentials(content.credentials),
        'object',
        'startDownload',
        content.name,
        accept,
      );
      if (answer.method !== 'getUrl') throw new Error(`it is ${answer.method}`);
      const response = await fetch(answer.url);
      return {
        content: Buffer.from(await response.arrayBuffer()),
        type: response.headers.get('content-type'),
        encoding: response.headers.get('content-encoding'),
        sha256: answer.hashes.sha256,
      };
    },
  };
}

const options = {
  contentType: 'text/plain; charset=utf-8',
  contentEncoding: 'gzip',
  signal: new AbortController().signal,
} as const;

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

/** Answers once with a URL that the store refuses, like an expired one. */
function withExpiredUrl(calls: RunCalls): { calls: RunCalls; asked: () => number } {
  let asked = 0;
  const serviceAs: RunCalls['serviceAs'] = (credentials, signal) => {
    const call = calls.serviceAs(credentials, signal) as (...words: unknown[]) => Promise<unknown>;
    const changed = async (...words: unknown[]) => {
      const answer = await call(...words);
      if (words[1] !== 'createUpload' || ++asked > 1) return answer;
      const upload = answer as { uploadMethod: { putUrl: { url: string } } };
      const url = upload.uploadMethod.putUrl.url.replace(/signature=[^&]*/, 'signature=expired');
      expect(url).toContain('signature=expired');
      return { ...upload, uploadMethod: { putUrl: { ...upload.uploadMethod.putUrl, url } } };
    };
    return changed;
  };
  return { calls: { ...calls, serviceAs }, asked: () => asked };
}

describe('an artifact in the object service', () => {
  it.each([
    ['nothing', 0],
    ['a few bytes, within the request', 11],
    ['as much as fits into the request', 8_192],
    ['more than fits into the request, by a signed URL', 8_193],
    ['much', 3_000_000],
  ])('has the content of the file, uncompressed: %s', async (_, size) => {
    const { sink, handleOf, listed, download } = await start();
    const content = randomBytes(size);
    await sink.upload('public/file', await handleOf(content), options);
    expect(await listed()).toEqual(['object public/file']);
    const got = await download('public/file');
    expect(got.content.equals(content)).toBe(true);
    expect(got.sha256).toBe(sha256(content));
    expect(got.encoding ?? 'identity').toBe('identity');
    expect(got.type).toContain('text/plain');
  });

  it.each([0, 8_192, 8_193, 3_000_000])('may be a stream, which is read once: %i bytes', async size => {
    const { sink, download } = await start();
    const content = randomBytes(size);
    let opened = 0;
    const source: StreamSource = {
      open: async () => {
        opened++;
        return Readable.from([content.subarray(0, 5_000), content.subarray(5_000)]);
      },
      close: async () => undefined,
    };
    sink.wantDigests();
    await sink.upload('public/file', source, { ...options, size });
    const got = await download('public/file');
    expect(got.content.equals(content)).toBe(true);
    expect(got.sha256).toBe(sha256(content));
    expect([...sink.digests]).toEqual([['public/file', sha256(content)]]);
    expect(opened).toBe(1);
  });

  it('reports its digest', async () => {
    const { sink, handleOf } = await start();
    const content = randomBytes(100_000);
    sink.wantDigests();
    await sink.upload('public/file', await handleOf(content), options);
    expect([...sink.digests]).toEqual([['public/file', sha256(content)]]);
  });

  it('may be content in memory, and the target of a link', async () => {
    const { sink, download, listed } = await start();
    await sink.upload('public/log', Buffer.from('the log'), options);
    await sink.link('public/live', {
      artifact: 'public/log',
      contentType: 'text/plain',
      signal: options.signal,
    });
    expect(await listed()).toEqual(['link public/live', 'object public/log']);
    expect((await download('public/log')).content.toString()).toBe('the log');
  });

  it('is uploaded to another URL if the store refuses the first one', async () => {
    const { calls, sinkOf, handleOf, download } = await start();
    const expired = withExpiredUrl(calls);
    const content = randomBytes(50_000);
    await sinkOf(expired.calls).upload('public/file', await handleOf(content), options);
    expect(expired.asked()).toBe(2);
    expect((await download('public/file')).content.equals(content)).toBe(true);
  });

  it('is not finished if the run is stopped before', async () => {
    const { calls, sinkOf, handleOf, listed } = await start();
    const stopped = new AbortController();
    const watched: RunCalls = {
      ...calls,
      finishArtifact: (...words) => {
        stopped.abort(new Error('task canceled'));
        return calls.finishArtifact(...words);
      },
    };
    const upload = sinkOf(watched).upload('public/file', await handleOf(randomBytes(10)), {
      ...options,
      signal: stopped.signal,
    });
    await expect(upload).rejects.toThrow('task canceled');
    expect(await listed()).toEqual([]);
  });
});
