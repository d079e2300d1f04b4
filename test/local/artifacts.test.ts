import { describe, expect, it } from 'vitest';

import { ERROR, EXPIRES, inMs, LINK, REFERENCE, S3, startRun } from './artifact-requests.ts';
import { refusalOf, startQueue, type QueueUnderTest } from './queue-under-test.ts';
import { createTestClock } from './test-clock.ts';

/** What a GET of an artifact is answered with, without following it. */
async function get(queue: QueueUnderTest, taskId: string, name: string) {
  const url = `${queue.rootUrl}/api/queue/v1/task/${taskId}/runs/0/artifacts/${encodeURIComponent(name)}`;
  const response = await fetch(url, { redirect: 'manual' });
  return {
    status: response.status,
    location: response.headers.get('location'),
    storageType: response.headers.get('x-taskcluster-artifact-storage-type'),
    body: await response.json(),
  };
}

describe('an artifact', () => {
  it('that is public can be read by everybody, without a signature in the URL', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'public/a b.txt', S3);
    const url = `${queue.rootUrl}/public-bucket/${taskId}/0/public/a%20b.txt`;
    expect(await get(queue, taskId, 'public/a b.txt')).toEqual({
      status: 303,
      location: url,
      storageType: 's3',
      body: { storageType: 's3', url },
    });
    expect(await queue.root.artifact(taskId, 0, 'public/a b.txt')).toEqual({ storageType: 's3', url });
    expect(await queue.root.latestArtifact(taskId, 'public/a b.txt')).toEqual({ storageType: 's3', url });
    expect(await queue.anonymous.getLatestArtifact(taskId, 'public/a b.txt')).toEqual({
      storageType: 's3',
      url,
    });
  });

  it('may have its slashes percent-encoded', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'public/a/b', S3);
    const url = `${queue.rootUrl}/api/queue/v1/task/${taskId}/runs/0/artifacts/public/a/b`;
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(303);
  });

  it('that is private needs a scope, and has a signed URL', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'private/x', S3);
    expect((await get(queue, taskId, 'private/x')).status).toBe(403);
    const { url } = await queue.root.getArtifact(taskId, 0, 'private/x');
    expect(url).toContain(`${queue.rootUrl}/private-bucket/${taskId}/0/private/x?expires=`);
    const signed = queue.signedUrl(queue.credentials.root, 'getArtifact', taskId, 0, 'private/x');
    expect((await fetch(signed, { redirect: 'manual' })).status).toBe(303);
  });

  it('that is a reference redirects to its URL', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'public/x', REFERENCE);
    expect(await get(queue, taskId, 'public/x')).toEqual({
      status: 303,
      location: REFERENCE.url,
      storageType: 'reference',
      body: { storageType: 'reference', url: REFERENCE.url },
    });
  });

  it('that is an error is answered with 424 and its reason', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'public/x', ERROR);
    const { reason, message } = ERROR;
    expect(await get(queue, taskId, 'public/x')).toEqual({
      status: 424,
      location: null,
      storageType: 'error',
      body: { reason, message },
    });
    expect(await queue.root.artifact(taskId, 0, 'public/x')).toEqual({
      storageType: 'error',
      reason,
      message,
    });
  });

  it('that is a link redirects to its target, for callers who may read both', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'public/log', REFERENCE);
    await run.createArtifact(taskId, 0, 'public/x', LINK);
    await run.createArtifact(taskId, 0, 'public/y', { ...LINK, artifact: 'public/x' });
    expect((await get(queue, taskId, 'public/y')).location).toBe(REFERENCE.url);
    await run.createArtifact(taskId, 0, 'public/private', { ...LINK, artifact: 'private/x' });
    expect((await get(queue, taskId, 'public/private')).status).toBe(403);
    await run.createArtifact(taskId, 0, 'public/dangling', { ...LINK, artifact: 'public/none' });
    expect((await get(queue, taskId, 'public/dangling')).status).toBe(404);
  });

  it('that is a circular link is an error', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'public/x', { ...LINK, artifact: 'public/y' });
    await run.createArtifact(taskId, 0, 'public/y', { ...LINK, artifact: 'public/x' });
    expect(await get(queue, taskId, 'public/x')).toMatchObject({ status: 400, body: { code: 'InputError' } });
  });

  it('that does not exist, or has expired, is not found', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const { taskId, run } = await startRun(queue);
    expect(await refusalOf(queue.anonymous.getArtifact(taskId, 0, 'public/x'))).toEqual({
      status: 404,
      code: 'ResourceNotFound',
      text: 'Artifact not found',
    });
    await run.createArtifact(taskId, 0, 'public/x', { ...S3, expires: inMs(60_000, clock.now()) });
    await clock.advance(60_001);
    expect(await refusalOf(queue.anonymous.getArtifact(taskId, 0, 'public/x'))).toMatchObject({
      status: 410,
      code: 'ResourceExpired',
    });
  });
});

describe('listArtifacts', () => {
  it('lists all artifacts of a run by name, with their length if it is known', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'public/b', { ...S3, contentLength: 12 });
    await run.createArtifact(taskId, 0, 'public/a', ERROR);
    const artifacts = [
      { storageType: 'error', name: 'public/a', expires: EXPIRES, contentType: 'application/binary' },
      { storageType: 's3', name: 'public/b', expires: EXPIRES, contentType: 'text/plain', contentLength: 12 },
    ];
    expect(await queue.root.listArtifacts(taskId, 0)).toEqual({ artifacts });
    expect(await queue.root.listLatestArtifacts(taskId)).toEqual({ artifacts });
    expect(await queue.root.latestArtifactInfo(taskId, 'public/a')).toEqual(artifacts[0]);
  });

  it('returns pages', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    for (const name of ['a', 'b', 'c']) await run.createArtifact(taskId, 0, name, S3);
    const first = await queue.root.listArtifacts(taskId, 0, { limit: 2 });
    const second = await queue.root.listArtifacts(taskId, 0, { continuationToken: first.continuationToken });
    expect([first, second].map(({ artifacts }) => artifacts.map(({ name }) => name))).toEqual([
      ['a', 'b'],
      ['c'],
    ]);
    expect(second.continuationToken).toBeUndefined();
  });

  it('lists those of the last run if no run is given', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'public/x', S3);
    await run.reportException(taskId, 0, { reason: 'worker-shutdown' });
    expect(await queue.root.listLatestArtifacts(taskId)).toEqual({ artifacts: [] });
    expect(await refusalOf(queue.root.getLatestArtifact(taskId, 'public/x'))).toMatchObject({ status: 404 });
    expect((await queue.root.listArtifacts(taskId, 0)).artifacts).toHaveLength(1);
  });

  it('fails for a run that does not exist', async () => {
    await using queue = await startQueue();
    const { taskId } = await startRun(queue);
    expect(await refusalOf(queue.root.listArtifacts(taskId, 1))).toMatchObject({ status: 404 });
    const unscheduled = await queue.create({ dependencies: [taskId] });
    expect(await refusalOf(queue.root.listLatestArtifacts(unscheduled))).toMatchObject({ status: 404 });
  });
});
