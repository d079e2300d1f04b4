import { describe, expect, it } from 'vitest';

import { ERROR, EXPIRES, inMs, LINK, REFERENCE, S3, startRun } from './artifact-requests.ts';
import { refusalOf, startQueue, WORKER } from './queue-under-test.ts';
import { createTestClock } from './test-clock.ts';

describe('createArtifact', () => {
  it('returns a URL for s3 that accepts uploads for 45 minutes, and announces nothing', async () => {
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

  it('accepts the same request again', async () => {
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
  ])('accepts %s', async (_, first, second, expected) => {
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

  it('refuses an artifact that expires after its task', async () => {
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

  it('refuses an artifact that has expired', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const expired = { ...S3, expires: inMs(-16 * 60_000) };
    const refusal = await refusalOf(run.createArtifact(taskId, 0, 'public/x', expired));
    expect(refusal).toMatchObject({ status: 400, code: 'InputError' });
  });

  it('refuses artifacts of a run that was not claimed', async () => {
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

  it('accepts artifacts for 25 minutes after an exception', async () => {
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

  it('requires the credentials of the claim', async () => {
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

  it('accepts a name of more than 1,024 characters, which breaks listing, as in the real queue', async () => {
    await using queue = await startQueue();
    const { taskId, run } = await startRun(queue);
    const name = `public/${'x'.repeat(1_018)}`;
    await run.createArtifact(taskId, 0, name, S3);
    expect(await refusalOf(queue.root.listArtifacts(taskId, 0))).toMatchObject({ status: 500 });
    expect(await queue.anonymous.getArtifact(taskId, 0, name)).toMatchObject({ storageType: 's3' });
  });
});
