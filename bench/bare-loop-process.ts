// The least that a worker can do for a task of `true`, in its own process: the calls to the queue that tcw makes for
// it, and a bare spawn of the command. It has no sandbox, log, limits or renewals. Its environment variables are those
// of `tcw run`.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { connectQueue, type Claim, type Queue } from '../src/taskcluster/index.ts';
import { workerOptions } from './setting/worker-parts.ts';

const run = promisify(execFile);
const { config } = workerOptions();
const queue = connectQueue({
  rootUrl: config.rootURL,
  credentials: config,
  taskQueueId: `${config.provisionerId}/${config.workerType}`,
  workerGroup: config.workerGroup,
  workerId: config.workerId,
});

async function doTask(from: Queue, claim: Claim): Promise<void> {
  const calls = from.forRun(claim);
  const expires = claim.task.expires ?? claim.task.deadline;
  const contentType = 'text/plain; charset=utf-8';
  await run('true');
  const name = 'public/logs/live_backing.log';
  const upload = await calls.createArtifact(name, { storageType: 's3', contentType, expires });
  if (upload.storageType !== 's3') throw new Error(`asked for an s3 artifact, got ${upload.storageType}`);
  const { status } = await fetch(upload.putUrl, {
    method: 'PUT',
    headers: { 'content-type': contentType },
    body: 'true\n',
  });
  if (status !== 200) throw new Error(`the upload was answered with ${status}`);
  await calls.createArtifact('public/logs/live.log', {
    storageType: 'link',
    artifact: name,
    contentType,
    expires,
  });
  await calls.reportCompleted();
}

async function loop(): Promise<never> {
  for (;;) for (const claim of await queue.claimWork(1)) await doTask(queue, claim);
}

process.once('disconnect', () => process.exit());
process.once('SIGTERM', () => process.exit());
process.send?.('ready');
await Promise.all(Array.from({ length: config.capacity }, loop));
