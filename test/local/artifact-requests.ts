import type { QueueUnderTest, TestClient } from './queue-under-test.ts';

export const inMs = (ms: number, from = Date.now()) => new Date(from + ms).toISOString();
export const EXPIRES = inMs(3_600_000);
export const S3 = { storageType: 's3', expires: EXPIRES, contentType: 'text/plain' };
export const REFERENCE = {
  storageType: 'reference',
  expires: EXPIRES,
  contentType: 'text/html',
  url: 'https://example.com/a',
};
export const LINK = { storageType: 'link', expires: EXPIRES, artifact: 'public/log' };
export const ERROR = {
  storageType: 'error',
  expires: EXPIRES,
  reason: 'file-missing-on-worker',
  message: 'no such file',
};

/** A run that a worker has. */
export async function startRun(queue: QueueUnderTest): Promise<{ taskId: string; run: TestClient }> {
  const taskId = await queue.create({ routes: ['a.b'] });
  return { taskId, run: (await queue.claim()).run };
}
