import { describe, expect, it } from 'vitest';

import { refusalOf, startQueue, WORKER, type QueueUnderTest, type TestClient } from './queue-under-test.ts';
import { createTestClock } from './test-clock.ts';

const inMs = (ms: number, from = Date.now()) => new Date(from + ms).toISOString();
const EXPIRES = inMs(3_600_000);
const S3 = { storageType: 's3', expires: EXPIRES, contentType: 'text/plain' };
const REFERENCE = {
  storageType: 'reference',
  expires: EXPIRES,
  contentType: 'text/html',
  url: 'https://example.com/a',
};
const LINK = { storageType: 'link', expires: EXPIRES, artifact: 'public/log' };
const ERROR = {
  storageType: 'error',
  expires: EXPIRES,
  reason: 'file-missing-on-worker',
  message: 'no such file',
};

async function startRun(queue: QueueUnderTest): Promise<{ taskId: string; run: TestClient }> {
  const taskId = await queue.create({ routes: ['a.b'] });
  return { taskId, run: (await queue.claim()).run };
}

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

describe('createArtifact', () => {
  it('answers s3 with a URL to upload to for 45 minutes, and announces nothing', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const { taskId, run } = await startRun(queue);
    const count = queue.messages.length;
    const answer = await run.createArtifact(taskId, 0, 'public/logs/live.log', S3);
    expect(answer).toEqual({
      storageType: 's3',
      contentType: 'text/plain',
      expires: inMs(45 * 60_000, clock.now()),
      putUrl: expect.stringContaining(
        `${queue.rootUrl}/public-bucket/${taskId}/0/public/logs/live.log?expires=`,
      ),
    });
    expect(queue.messages).toHaveLength(count);
  });

  it.each([
    ['reference', REFERENCE, 'text/html'],
    ['link', LINK, 'application/binary'],
    ['error', ERROR, 'application/binary'],
  ])('announces a %s', async (storageType, request, contentType) => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    expect(await run.createArtifact(taskId, 0, 'public/x', request)).toEqual({ storageType });
    expect(queue.messages.at(-1)).toEqual({
      exchange: 'exchange/taskcluster-queue/v1/artifact-created',
      routingKey: `primary.${taskId}.0.group.worker-1.proj-test.pool.-.${taskId}._`,
      routes: ['route.a.b'],
      body: {
        status: (await queue.root.status(taskId)).status,
        artifact: { storageType, name: 'public/x', expires: EXPIRES, contentType },
        ...WORKER,
        runId: 0,
        version: 1,
      },
    });
  });

  it('takes the same request again', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    for (const [name, request] of Object.entries({ S3, REFERENCE, LINK, ERROR })) {
      await run.createArtifact(taskId, 0, name, request);
      await run.createArtifact(taskId, 0, name, request);
    }
    expect((await queue.root.listArtifacts(taskId, 0)).artifacts).toHaveLength(4);
  });

  it.each([
    ['a later expiry', S3, { ...S3, expires: inMs(7_200_000) }, {}],
    ['another reference', REFERENCE, { ...REFERENCE, url: 'https://example.com/b' }, {}],
    [
      'a link in the place of a reference',
      REFERENCE,
      LINK,
      { storageType: 'link', contentType: 'text/html' },
    ],
  ])('takes %s', async (_, first, second, expected) => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'public/x', first);
    await run.createArtifact(taskId, 0, 'public/x', second);
    expect(await queue.root.artifactInfo(taskId, 0, 'public/x')).toMatchObject({
      expires: second.expires,
      ...expected,
    });
  });

  it.each([
    ['another content type', S3, { ...S3, contentType: 'text/html' }],
    ['an earlier expiry', S3, { ...S3, expires: inMs(60_000) }],
    ['another link', LINK, { ...LINK, artifact: 'public/y' }],
    ['another error', ERROR, { ...ERROR, message: 'no' }],
    ['a reference in the place of a link', { ...LINK, contentType: 'text/html' }, REFERENCE],
    ['a link in the place of a file', S3, LINK],
  ])('refuses %s under the same name', async (_, first, second) => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'public/x', first);
    const { storageType, expires, contentType } = await queue.root.artifactInfo(taskId, 0, 'public/x');
    expect(await refusalOf(run.createArtifact(taskId, 0, 'public/x', second))).toEqual({
      status: 409,
      code: 'RequestConflict',
      text:
        'Artifact already exists with different properties, and none of the allowed exceptions apply: ' +
        JSON.stringify({ storageType, contentType, expires }, null, 2),
    });
  });

  it('refuses an artifact that outlives its task', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const { expires: taskExpires } = await queue.root.task(taskId);
    const expires = inMs(1, Date.parse(taskExpires ?? ''));
    expect(await refusalOf(run.createArtifact(taskId, 0, 'public/x', { ...S3, expires }))).toEqual({
      status: 400,
      code: 'InputError',
      text:
        `Artifact expires (${expires}) after the task expiration ${String(taskExpires)} (task.expires < expires) - ` +
        'this is not allowed, artifacts may not expire after the task they belong to expires',
    });
  });

  it.each([
    ['that has expired', S3, { expires: inMs(-16 * 60_000) }],
    ['of the object service', { ...S3, storageType: 'object' }, {}],
  ])('refuses an artifact %s', async (_, request, change) => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const refusal = await refusalOf(run.createArtifact(taskId, 0, 'public/x', { ...request, ...change }));
    expect(refusal).toMatchObject({ status: 400, code: 'InputError' });
  });

  it('refuses artifacts of a run that nobody has claimed', async () => {
    await using queue = await startQueue();
    const taskId = await queue.create();
    for (const runId of [0, 1]) {
      const refusal = await refusalOf(queue.root.createArtifact(taskId, runId, 'public/x', S3));
      expect(refusal).toMatchObject({ status: 400, code: 'InputError' });
    }
  });

  it.each(['reportCompleted', 'reportFailed'] as const)('refuses artifacts after %s', async report => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const { status } = await run[report](taskId, 0);
    expect(await refusalOf(run.createArtifact(taskId, 0, 'public/x', S3))).toEqual({
      status: 409,
      code: 'RequestConflict',
      text:
        "Artifacts cannot be created for a task after it is resolved, unless it is resolved 'exception', and even " +
        'in this case only up to 25 min past resolution.This to ensure that artifacts have been uploaded before a ' +
        `task is 'completed' and output is consumed by a dependent task\n\nTask status: ${JSON.stringify(status, null, 2)}`,
    });
  });

  it('takes artifacts for 25 minutes after an exception', async () => {
    const clock = createTestClock();
    await using queue = await startQueue({ clock });
    const { taskId } = await startRun(queue);
    await queue.root.cancelTask(taskId);
    await clock.advance(25 * 60_000 - 1);
    await queue.root.createArtifact(taskId, 0, 'public/x', S3);
    await clock.advance(1);
    const refusal = await refusalOf(queue.root.createArtifact(taskId, 0, 'public/y', S3));
    expect(refusal).toMatchObject({ status: 409, code: 'RequestConflict' });
  });

  it('needs the credentials of the claim', async () => {
    await using queue = await startQueue();
    const { taskId } = await startRun(queue);
    const required = '```\nqueue:create-artifact:' + taskId + '/0\n```';
    const refusal = await refusalOf(queue.worker.createArtifact(taskId, 0, 'public/x', S3));
    expect(refusal).toMatchObject({ status: 403, code: 'InsufficientScopes' });
    expect(refusal.text).toContain(required);
  });

  it.each(['public/naïve', 'public/line\nbreak', ''])('refuses the name %j', async name => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const refusal = await refusalOf(run.createArtifact(taskId, 0, name, S3));
    expect(refusal).toMatchObject({ status: 400, code: 'InvalidRequestArguments' });
    expect(refusal.text).toContain("URL parameter 'name'");
  });

  it('takes a name of more than 1,024 characters, which breaks the list, as it does for the real queue', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const name = `public/${'x'.repeat(1_018)}`;
    await run.createArtifact(taskId, 0, name, S3);
    expect(await refusalOf(queue.root.listArtifacts(taskId, 0))).toMatchObject({ status: 500 });
    expect((await get(queue, taskId, name)).status).toBe(303);
  });
});

describe('an artifact', () => {
  it('that is public is found by everybody, without a signature in the URL', async () => {
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

  it('may have its slashes written out', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'public/a/b', S3);
    const url = `${queue.rootUrl}/api/queue/v1/task/${taskId}/runs/0/artifacts/public/a/b`;
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(303);
  });

  it('that is not public needs a scope, and has a signed URL', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'private/x', S3);
    expect((await get(queue, taskId, 'private/x')).status).toBe(403);
    const { url } = await queue.root.getArtifact(taskId, 0, 'private/x');
    expect(url).toContain(`${queue.rootUrl}/private-bucket/${taskId}/0/private/x?expires=`);
    const signed = queue.signedUrl(queue.credentials.root, 'getArtifact', taskId, 0, 'private/x');
    expect((await fetch(signed, { redirect: 'manual' })).status).toBe(303);
  });

  it('that is a reference leads elsewhere', async () => {
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

  it('that is a link leads where the other does, for whoever may read both', async () => {
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

  it('that is a link in a circle is a mistake', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'public/x', { ...LINK, artifact: 'public/y' });
    await run.createArtifact(taskId, 0, 'public/y', { ...LINK, artifact: 'public/x' });
    expect(await get(queue, taskId, 'public/x')).toMatchObject({ status: 400, body: { code: 'InputError' } });
  });

  it('that is not there is not found, nor is one that has expired', async () => {
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
  it('has all artifacts of a run, by name, with their length where it is known', async () => {
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

  it('comes in pages', async () => {
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

  it('has those of the last run when no run is named', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    await run.createArtifact(taskId, 0, 'public/x', S3);
    await run.reportException(taskId, 0, { reason: 'worker-shutdown' });
    expect(await queue.root.listLatestArtifacts(taskId)).toEqual({ artifacts: [] });
    expect(await refusalOf(queue.root.getLatestArtifact(taskId, 'public/x'))).toMatchObject({ status: 404 });
    expect((await queue.root.listArtifacts(taskId, 0)).artifacts).toHaveLength(1);
  });

  it('knows no run that never was', async () => {
    await using queue = await startQueue();
    const { taskId } = await startRun(queue);
    expect(await refusalOf(queue.root.listArtifacts(taskId, 1))).toMatchObject({ status: 404 });
    const unscheduled = await queue.create({ dependencies: [taskId] });
    expect(await refusalOf(queue.root.listLatestArtifacts(unscheduled))).toMatchObject({ status: 404 });
  });
});
