import { readdirSync, readFileSync } from 'node:fs';
import { describe } from 'vitest';
import type { Engine } from '../../../src/worker/index.ts';
import { waitFor } from '../../wait-for.ts';
import { sh, type Deployment } from '../deployment.ts';
import { testOf } from '../ways.ts';
import { call } from './run-proxy.ts';

const PROXY = { features: { taskclusterProxy: true } };
const CURL = 'curl -sS --max-time 60 -o /dev/null -w "%{http_code}\\n"';

/** An engine that cannot attribute connections to tasks. */
function withoutPeers(engine: Engine): Engine {
  return { ...engine, capabilities: new Set([...engine.capabilities].filter(each => each !== 'peers')) };
}

const asItIs = (engine: Engine) => engine;

/** The URL of a task's proxy, which the task writes to a file. */
async function urlOf(tasksDir: string): Promise<string> {
  return waitFor(() => {
    const folder = readdirSync(tasksDir).find(name => /^task_[^.]*$/.test(name));
    const text = readFileSync(`${tasksDir}/${folder}/url`, 'utf8');
    if (!text.endsWith('\n')) throw new Error('it is not there yet');
    return text.trim();
  });
}

const it = testOf('with Pulse');

describe.concurrent('features.taskclusterProxy', () => {
  const logOf = async (here: Deployment, taskId: string) => (await here.log(taskId)).split('\n');

  it('lets a task call services with its own scopes', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const artifact = JSON.stringify({
      storageType: 'reference',
      url: 'https://example.com/',
      contentType: 'text/html',
      expires: new Date(Date.now() + 3_000_000).toJSON(),
    });
    const taskId = await here.createTask(
      {
        ...PROXY,
        ...sh(
          [
            `${CURL} $TASKCLUSTER_PROXY_URL/api/queue/v1/task/$TASK_ID`,
            `${CURL} $TASKCLUSTER_PROXY_URL/queue/v1/task/$TASK_ID/status`,
            `${CURL} -X POST -H 'content-type: application/json' -d '${artifact}' $TASKCLUSTER_PROXY_URL/api/queue/v1/task/$TASK_ID/runs/0/artifacts/public%2Fmine`,
            `${CURL} -X POST $TASKCLUSTER_PROXY_URL/api/queue/v1/task/$TASK_ID/runs/0/completed`,
            `${CURL} -X POST $TASKCLUSTER_PROXY_URL/api/queue/v1/task/$TASK_ID/cancel`,
          ].join('; '),
        ),
      },
      { scopes: ['queue:get-task:*', 'queue:status:*'] },
    );
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    const lines = await logOf(here, taskId);
    expect(lines.filter(line => /^\d{3}$/.test(line))).toEqual(['200', '200', '200', '403', '403']);
    expect((await here.artifacts(taskId)).map(({ name }) => name)).toContain('public/mine');
  });

  it.for([
    ['a secret in its URL, where the engine cannot tell whose a connection is', withoutPeers],
    ['its connections, where the engine can', asItIs],
  ] as const)('knows the task by %s', async ([, wrap], { deploy, expect }) => {
    const here = await deploy();
    const worker = await here.startWorker({}, { wrap });
    const taskId = await here.createTask({
      ...PROXY,
      ...sh(
        `echo url: $TASKCLUSTER_PROXY_URL; echo $TASKCLUSTER_PROXY_URL > url; ${CURL} $TASKCLUSTER_PROXY_URL/api/queue/v1/ping; while [ ! -e go ]; do sleep 0.1; done`,
      ),
    });
    const url = await urlOf(worker.tasksDir);
    const { origin, pathname: prefix } = new URL(url);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+(\/[\w-]{22})?$/);
    // This process does not belong to the run.
    expect(await call(origin, '/api/queue/v1/ping')).toMatchObject({
      status: 403,
    });
    expect(wrap === asItIs ? prefix : prefix.length).toBe(wrap === asItIs ? '/' : 23);
    const folder = readdirSync(worker.tasksDir).find(name => /^task_[^.]*$/.test(name));
    const { writeFileSync } = await import('node:fs');
    writeFileSync(`${worker.tasksDir}/${folder}/go`, '');
    await here.resolved(taskId);
    const lines = await logOf(here, taskId);
    expect(lines).toContain('200');
    const shown = lines.find(line => line.startsWith('url: '));
    expect(shown).toBe(`url: ${wrap === asItIs ? url : url.replace(/\/[\w-]{22}$/, '/[redacted]')}`);
    await waitFor(() => expect(fetch(url)).rejects.toThrow('fetch failed'));
  });

  it('serves several runs at the same time, each with its own credentials', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker({ capacity: 3 });
    const script = `for i in 1 2 3; do ${CURL} $TASKCLUSTER_PROXY_URL/api/queue/v1/task/$TASK_ID/status; sleep 0.3; done`;
    const tasks = await Promise.all(
      [0, 1, 2].map(() => here.createTask({ ...PROXY, ...sh(script) }, { scopes: ['queue:status:*'] })),
    );
    for (const taskId of tasks) {
      expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
      const lines = await logOf(here, taskId);
      expect(lines.filter(line => line === '200')).toHaveLength(3);
    }
  });

  it('is available during a reclaim, and signs with the new credentials afterwards', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy({ claimTimeoutMs: 8_000 });
    await here.startWorker();
    const script = `i=0; while [ $i -lt 100 ]; do ${CURL} $TASKCLUSTER_PROXY_URL/api/queue/v1/task/$TASK_ID/status; i=$((i + 1)); sleep 0.1; done`;
    const taskId = await here.createTask({ ...PROXY, ...sh(script) }, { scopes: ['queue:status:*'] });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    const lines = await logOf(here, taskId);
    expect(lines.filter(line => /^\d{3}$/.test(line))).toEqual(Array(100).fill('200'));
    expect(lines.join('\n')).toMatch(
      /\[taskcluster-proxy\] Successfully refreshed taskcluster-proxy credentials: task-client\//,
    );
  });

  it('uses any port if the configured one is not available, with a warning', async ({ deploy, expect }) => {
    const here = await deploy();
    const taken = Number(new URL(here.rootUrl).port);
    await here.startWorker({ taskclusterProxyPort: taken });
    const taskId = await here.createTask({
      ...PROXY,
      ...sh(`${CURL} $TASKCLUSTER_PROXY_URL/api/queue/v1/ping`),
    });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    const log = await here.log(taskId);
    expect(log).toMatch(
      new RegExp(
        `\\[taskcluster-proxy\\] Listening on port \\d+, because port ${taken} is not available: .*EADDRINUSE`,
      ),
    );
    expect(log).toContain('\n200\n');
  });

  it('ends with a cancelled run, whatever its processes are doing', async ({ deploy, expect }) => {
    const here = await deploy();
    const worker = await here.startWorker({}, { wrap: withoutPeers });
    const taskId = await here.createTask({
      ...PROXY,
      ...sh('echo $TASKCLUSTER_PROXY_URL > url; trap "" TERM; while :; do sleep 0.2; done'),
    });
    const url = await urlOf(worker.tasksDir);
    expect((await fetch(`${url}/api/queue/v1/ping`)).status).toBe(200);
    await here.cancelTask(taskId);
    await waitFor(async () => {
      const status = await fetch(`${url}/api/queue/v1/ping`).then(
        answer => answer.status,
        () => 'closed',
      );
      expect([503, 'closed']).toContain(status);
    });
    await waitFor(() => expect(fetch(url)).rejects.toThrow('fetch failed'));
  });

  it('is refused if the pool disables it, and for Docker', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker({ enableTaskclusterProxy: false });
    const taskId = await here.createTask({ ...PROXY, ...sh('true') });
    expect(await here.resolved(taskId)).toMatchObject({ runs: [{ reasonResolved: 'malformed-payload' }] });
    expect(await here.log(taskId)).toMatch(
      /attempting to use feature "taskclusterProxy", but it's not enabled on this worker pool \(test\/w/,
    );
    const there = await deploy();
    await there.startWorker();
    const other = await there.createTask({
      ...PROXY,
      taskclusterProxyInterface: 'docker-bridge',
      ...sh('true'),
    });
    expect(await there.resolved(other)).toMatchObject({ runs: [{ reasonResolved: 'malformed-payload' }] });
    expect(await there.log(other)).toContain('taskclusterProxyInterface docker-bridge is not supported');
  });

  it('is absent unless the task asks for it', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker();
    const taskId = await here.createTask(sh('echo "[$TASKCLUSTER_PROXY_URL]"'));
    await here.resolved(taskId);
    expect(await here.log(taskId)).toContain('\n[]\n');
  });
});
