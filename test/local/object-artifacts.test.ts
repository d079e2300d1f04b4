import { describe, expect, it } from 'vitest';

import { EXPIRES, startRun } from './artifact-requests.ts';
import { refusalOf, startQueue, type QueueUnderTest, type TestClient } from './queue-under-test.ts';

const OBJECT = { storageType: 'object', expires: EXPIRES, contentType: 'text/plain' };
const NAME = 'public/obj';

async function begin(queue: QueueUnderTest, taskId: string, run: TestClient, request: object = OBJECT) {
  const upload = await run.createArtifact(taskId, 0, NAME, request);
  if (upload.storageType !== 'object') throw new Error('no object');
  const { name, projectId, uploadId, credentials } = upload;
  const object = queue.connectTo('object', credentials);
  return {
    upload,
    object,
    create: (proposedUploadMethods: object) =>
      object.createUpload(name, { projectId, uploadId, expires: EXPIRES, proposedUploadMethods }),
    finish: () => object.finishUpload(name, { projectId, uploadId }),
    finishArtifact: () => run.finishArtifact(taskId, 0, NAME, { uploadId }),
  };
}

const inline = { contentType: 'text/plain', objectData: 'aGVsbG8=' };
const putUrl = { contentType: 'text/plain', contentLength: 5 };

describe('an object artifact', () => {
  it('has a name for its run, and credentials for its upload only', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const { upload, object } = await begin(queue, taskId, run);
    expect(upload).toMatchObject({ name: `t/${taskId}/0/${NAME}`, projectId: 'none', expires: EXPIRES });
    expect(upload.credentials.clientId).toBe(`artifact-upload/${taskId}/0/on/group/worker-1`);
    const foreign = {
      projectId: 'none',
      uploadId: upload.uploadId,
      expires: EXPIRES,
      proposedUploadMethods: {},
    };
    expect(await refusalOf(object.createUpload('t/other', foreign))).toMatchObject({ status: 403 });
  });

  it('may be requested again while it is uploaded, which continues the same upload', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const [first, second] = [await begin(queue, taskId, run), await begin(queue, taskId, run)];
    expect(second.upload.uploadId).toBe(first.upload.uploadId);
  });

  it('does not exist, and is not announced, before it is finished', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const { create, finish, finishArtifact } = await begin(queue, taskId, run);
    expect(await create({ dataInline: inline, putUrl })).toMatchObject({
      uploadMethod: { dataInline: true },
    });
    expect(await refusalOf(finishArtifact())).toEqual({
      status: 400,
      code: 'InputError',
      text: 'Object storing artifact data does not exist',
    });
    await finish();
    expect(await refusalOf(queue.root.artifact(taskId, 0, NAME))).toEqual({
      status: 404,
      code: 'ResourceNotFound',
      text: 'Artifact not found',
    });
    expect((await queue.root.listArtifacts(taskId, 0)).artifacts).toEqual([]);
    expect(queue.published()).not.toContain('artifact-created');
    await finishArtifact();
    await finishArtifact();
    expect(queue.published().filter(name => name === 'artifact-created')).toHaveLength(1);
    expect((await queue.root.listArtifacts(taskId, 0)).artifacts).toEqual([
      { storageType: 'object', name: NAME, expires: EXPIRES, contentType: 'text/plain' },
    ]);
  });

  it('is uploaded to a signed URL, and downloaded from another', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const { create, finish, finishArtifact, upload } = await begin(queue, taskId, run);
    const { uploadMethod } = await create({ putUrl });
    const { url = '', headers = {} } = uploadMethod.putUrl ?? {};
    expect(headers).toEqual({
      'Content-Type': 'text/plain',
      'Content-Length': '5',
      'Content-Encoding': 'identity',
    });
    expect((await fetch(url, { method: 'PUT', headers, body: 'hello' })).status).toBe(200);
    await finish();
    await finishArtifact();
    const anonymous = await fetch(`${queue.rootUrl}/api/queue/v1/task/${taskId}/runs/0/artifacts/${NAME}`);
    expect([anonymous.status, await anonymous.text()]).toEqual([200, 'hello']);
    expect((await fetch(url.split('?')[0] ?? '')).status).toBe(403);
    const content = await queue.root.artifact(taskId, 0, NAME);
    if (content.storageType !== 'object') throw new Error('no object');
    expect(content.credentials.clientId).toBe(`artifact-download/${taskId}/0/${NAME}`);
    const reader = queue.connectTo('object', content.credentials);
    const accept = { acceptDownloadMethods: { simple: true, getUrl: true } };
    const download = await reader.startDownload(upload.name, accept);
    expect(download.method).toBe('getUrl');
    expect(await (await fetch(download.url)).text()).toBe('hello');
  });

  it('with a contentLength breaks the queue when it is finished, but exists afterwards', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const { create, finish, finishArtifact } = await begin(queue, taskId, run, {
      ...OBJECT,
      contentLength: 5,
    });
    await create({ dataInline: inline });
    await finish();
    expect(await refusalOf(finishArtifact())).toMatchObject({ status: 500, code: 'InternalServerError' });
    expect((await queue.root.listArtifacts(taskId, 0)).artifacts).toMatchObject([{ contentLength: 5 }]);
    expect(queue.published()).not.toContain('artifact-created');
  });
});

describe('an object', () => {
  it('is refused under an existing name, with wrong hashes, and with invalid base64', async () => {
    await using queue = await startQueue();
    const object = queue.connectTo('object');
    const uploadId = 'MzQyYVFdS4uJUDUhV-XdXw';
    const upload = {
      projectId: 'p',
      uploadId,
      expires: EXPIRES,
      proposedUploadMethods: { dataInline: inline },
    };
    const bad = { dataInline: { ...inline, objectData: '%' } };
    expect(
      await refusalOf(object.createUpload('a', { ...upload, proposedUploadMethods: bad })),
    ).toMatchObject({ status: 400 });
    await object.createUpload('a', { ...upload, hashes: { sha256: '0'.repeat(64) } });
    const other = { ...upload, uploadId: 'GpHlS_sSQF2nmb7rt7Wibw' };
    expect(await refusalOf(object.createUpload('a', other))).toMatchObject({ status: 409 });
    const hashes = { sha256: '1'.repeat(64) };
    const finish = { projectId: 'p', uploadId };
    expect(await refusalOf(object.finishUpload('a', { ...finish, hashes }))).toMatchObject({ status: 409 });
    expect(await refusalOf(object.object('a'))).toMatchObject({ status: 404 });
    await object.finishUpload('a', finish);
    expect(await object.object('a')).toMatchObject({ projectId: 'p', hashes: { sha256: '0'.repeat(64) } });
  });
});
