/**
 * Every call that the embedded deployment answers, made once with a valid request: `checked-client.ts` compares what was accepted and what was answered with the schemas of Taskcluster's references.
 */
import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Secret } from '../../src/pulse/index.ts';
import { ERROR, EXPIRES, inMs, LINK, REFERENCE, S3 } from './artifact-requests.ts';
import { APIS, type Apis } from './checked-client.ts';
import { startQueue, TASK_QUEUE_ID, WORKER, type QueueUnderTest } from './queue-under-test.ts';

const SECRET = 'A'.repeat(44);
const [PROVISIONER_ID, WORKER_TYPE] = TASK_QUEUE_ID.split('/');

let queue: QueueUnderTest;
beforeAll(async () => {
  queue = await startQueue({
    roles: { 'a-role': ['a:scope'] },
    sentryDsns: { tcw: 'https://public:secret@sentry.example/7' },
    websocktunnelSecret: new Secret('secret-of-the-tunnel'),
  });
});
afterAll(() => queue.close());

describe('the contract of the real service holds for', () => {
  it('tasks', async () => {
    const { root } = queue;
    await root.ping();
    const required = await queue.create();
    const taskId = await queue.create({ dependencies: [required] });
    await root.task(taskId);
    await root.status(taskId);
    await root.tasks({ taskIds: [taskId, required] });
    await root.statuses({ taskIds: [taskId, required] });
    await root.listDependentTasks(required);
    await root.changeTaskPriority(required, { newPriority: 'low' });
    await root.changeTaskGroupPriority(required, { newPriority: 'high' });
    await root.scheduleTask(taskId);
    await root.cancelTask(taskId);
    await root.rerunTask(taskId);
    await root.getTaskGroup(taskId);
    await root.listTaskGroup(taskId);
    await root.sealTaskGroup(taskId);
    await root.cancelTaskGroup(taskId);
    await root.cancelTask(required);
  });

  it('task queues and workers', async () => {
    const { root } = queue;
    await queue.create({ priority: 'high' });
    await queue.create();
    const { claim, run } = await queue.claim();
    await root.pendingTasks(TASK_QUEUE_ID);
    await root.taskQueueCounts(TASK_QUEUE_ID);
    await root.listPendingTasks(TASK_QUEUE_ID);
    await root.listClaimedTasks(TASK_QUEUE_ID);
    const worker = [PROVISIONER_ID, WORKER_TYPE, WORKER.workerGroup, WORKER.workerId];
    await root.listWorkers(PROVISIONER_ID, WORKER_TYPE, { quarantined: 'false' });
    await root.quarantineWorker(...worker, { quarantineUntil: inMs(-1), quarantineInfo: 'a test' });
    await root.getWorker(...worker);
    await run.reclaimTask(claim.status.taskId, 0);
    await run.reportCompleted(claim.status.taskId, 0);
    const second = await queue.claim();
    await second.run.reportFailed(second.claim.status.taskId, 0);
    const third = await queue.create();
    await (await queue.claim()).run.reportException(third, 0, { reason: 'malformed-payload' });
  });

  it('artifacts and their objects', async () => {
    const { root } = queue;
    const taskId = await queue.create();
    const { run } = await queue.claim();
    for (const [name, artifact] of Object.entries({ S3, REFERENCE, LINK, ERROR })) {
      await run.createArtifact(taskId, 0, `public/${name}`, artifact);
    }
    const request = { storageType: 'object', expires: EXPIRES, contentType: 'text/plain' };
    const upload = await run.createArtifact(taskId, 0, 'public/object', request);
    if (upload.storageType !== 'object') throw new Error('no object');
    const { name, projectId, uploadId, credentials } = upload;
    const uploader = queue.connectTo('object', credentials);
    await uploader.ping();
    const dataInline = { contentType: 'text/plain', objectData: Buffer.from('hello').toString('base64') };
    await uploader.createUpload(name, {
      projectId,
      uploadId,
      expires: EXPIRES,
      proposedUploadMethods: { dataInline },
    });
    await uploader.finishUpload(name, { projectId, uploadId });
    await run.finishArtifact(taskId, 0, 'public/object', { uploadId });
    await root.listArtifacts(taskId, 0);
    await root.listLatestArtifacts(taskId);
    await root.artifactInfo(taskId, 0, 'public/object');
    await root.latestArtifactInfo(taskId, 'public/object');
    await root.getArtifact(taskId, 0, 'public/object');
    await root.getLatestArtifact(taskId, 'public/object');
    for (const each of ['S3', 'REFERENCE', 'ERROR']) await root.artifact(taskId, 0, `public/${each}`);
    const content = await root.latestArtifact(taskId, 'public/object');
    if (content.storageType !== 'object') throw new Error('no object');
    const downloader = queue.connectTo('object', content.credentials);
    await downloader.startDownload(name, { acceptDownloadMethods: { getUrl: true } });
    await downloader.startDownload(name, { acceptDownloadMethods: { simple: true } });
    await downloader.object(name);
    await downloader.download(name);
  });

  it('auth', async () => {
    const auth = queue.connectTo('auth');
    await auth.ping();
    await auth.currentScopes();
    await auth.expandScopes({ scopes: ['assume:a-role'] });
    await auth.sentryDSN('tcw');
    await auth.websocktunnelToken('tunnel', 'group.worker.1');
  });

  it('the index', async () => {
    const index = queue.connectTo('index');
    await index.ping();
    const taskId = await queue.create();
    await index.insertTask('a.b.c', { taskId, rank: 1, data: {}, expires: EXPIRES });
    await index.findTask('a.b.c');
    await index.findTasksAtIndex({ indexes: ['a.b.c', 'a.b.d'] });
    await index.listTasks('a.b');
    await index.listNamespaces('a');
    await index.findArtifactFromTask('a.b.c', 'public/log');
    await index.deleteTask('a.b.c');
  });

  it('purge-cache', async () => {
    const purgeCache = queue.connectTo('purge-cache');
    await purgeCache.ping();
    await purgeCache.purgeCache(TASK_QUEUE_ID, { cacheName: 'a-cache' });
    await purgeCache.purgeRequests(TASK_QUEUE_ID, { since: inMs(-1_000) });
    await purgeCache.allPurgeRequests();
  });

  it('secrets', async () => {
    const secrets = queue.connectTo('secrets');
    await secrets.ping();
    await secrets.set('project/a:b', { secret: { key: 1 }, expires: EXPIRES });
    await secrets.get('project/a:b');
    await secrets.list();
    await secrets.remove('project/a:b');
  });

  it('worker-manager', async () => {
    const manager = queue.connectTo('worker-manager');
    await manager.ping();
    const pool = {
      providerId: 'static',
      description: '',
      owner: 'nobody@example.com',
      emailOnError: false,
      config: {},
    };
    await manager.createWorkerPool(TASK_QUEUE_ID, pool);
    await manager.updateWorkerPool(TASK_QUEUE_ID, pool);
    await manager.workerPool(TASK_QUEUE_ID);
    const { workerGroup, workerId } = WORKER;
    const worker = [TASK_QUEUE_ID, workerGroup, workerId];
    await manager.createWorker(...worker, { expires: EXPIRES, providerInfo: { staticSecret: SECRET } });
    await manager.worker(...worker);
    const name = { workerPoolId: TASK_QUEUE_ID, ...WORKER };
    const proof = { staticSecret: SECRET };
    const { secret } = await manager.registerWorker({
      ...name,
      providerId: 'static',
      workerIdentityProof: proof,
    });
    await manager.reregisterWorker({ ...name, secret });
    await manager.shouldWorkerTerminate(...worker);
    const error = { ...WORKER, kind: 'worker-error', title: 't', description: 'd', extra: {} };
    await manager.reportWorkerError(TASK_QUEUE_ID, error);
    await manager.listWorkerPoolErrors(TASK_QUEUE_ID);
    await manager.removeWorker(...worker);
  });

  it('all calls of the documented list, and no others', async () => {
    const here: string[] = [];
    for (const [service, api] of Object.entries(APIS)) {
      for (const [name, { method, route }] of Object.entries(api)) {
        const path = route.replaceAll(/<\w+>/g, 'x');
        const response = await fetch(`${queue.rootUrl}/api/${service}/v1${path}`, {
          method: method.toUpperCase(),
        });
        const body = await response.text();
        if (!body.includes('"Not found"') && isAnswerOf(name, body)) here.push(`${service}.${name}`);
      }
    }
    expect([...queue.answered].sort()).toEqual(here.sort());
    expect(await documented()).toEqual(here.sort());
  });
});

/** One call may take another's path for its own: `/task-queues/<taskQueueId>` that of the counts. */
function isAnswerOf(name: string, body: string): boolean {
  const method = /"method": "(\w+)"/.exec(body)?.[1];
  return method === undefined || method === name;
}

/** The calls in the table of docs/embedded-queue.md: a service in the first column, its calls in the second. */
async function documented(): Promise<string[]> {
  const text = await readFile(new URL('../../docs/embedded-queue.md', import.meta.url), 'utf8');
  const services = Object.keys(APIS) as (keyof Apis)[];
  return services
    .flatMap(service => {
      const row = new RegExp(`^\\| ${service} +\\|(.*)\\|$`, 'm').exec(text)?.[1] ?? '';
      return [...row.matchAll(/`(\w+)`/g)].map(([, name]) => `${service}.${name}`);
    })
    .sort();
}
