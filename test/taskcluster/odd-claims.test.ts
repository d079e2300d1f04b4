import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/pulse/index.ts';
import { connectQueue } from '../../src/taskcluster/index.ts';
import { CLAIMED_TASK_ID, claimAnswer } from './claim-answer.ts';
import { json, webServer } from './web-server.ts';

/** A time to the schema, and none to JavaScript. */
const LEAP_SECOND = '2016-12-31T23:59:60.000Z';

async function claimed(tasks: unknown, asked: number) {
  const { rootUrl } = await webServer(json(200, { tasks }));
  const problems: string[] = [];
  const queue = connectQueue({
    rootUrl,
    taskQueueId: 'p/w',
    workerGroup: 'g',
    workerId: 'i',
    credentials: { clientId: 'worker', accessToken: new Secret('token-of-worker') },
    onUnreadable: problem => problems.push(problem),
  });
  const claims = await queue.claimWork(asked);
  return { taskIds: claims.map(({ taskId }) => taskId), problems };
}

it('a claim that cannot be read is told of, and does not cost the others that came with it', async () => {
  const good = claimAnswer();
  const tasks = [good, claimAnswer('soon'), claimAnswer(LEAP_SECOND), { ...good, aNewProperty: 1 }];
  const { taskIds, problems } = await claimed(tasks, 4);
  expect(taskIds).toEqual([CLAIMED_TASK_ID, CLAIMED_TASK_ID]);
  expect(problems).toEqual([
    expect.stringContaining('/tasks/1/takenUntil must match format "date-time"'),
    expect.stringContaining(LEAP_SECOND),
  ]);
});

describe('a claim of a hostile queue', () => {
  const good = claimAnswer();
  const status = (change: object) => ({ ...good, status: { ...good.status, ...change } });

  it.each<[string, unknown]>([
    ['a task id that leads out of the folder', status({ taskId: '../../../../etc/cron.d' })],
    ['a task id of dots', status({ taskId: '..' })],
    ['a task id with a NUL', status({ taskId: `${CLAIMED_TASK_ID}\0` })],
    ['a task id with a line break', status({ taskId: `${CLAIMED_TASK_ID}\n` })],
    ['a task id that is none of this world', status({ taskId: '__proto__' })],
    ['a task id that is a number', status({ taskId: 1 })],
    ['a run below zero', { ...good, runId: -1 }],
    ['a run beyond all runs', { ...good, runId: 1e9 }],
    ['a run that is half', { ...good, runId: 0.5 }],
    ['a run that is text', { ...good, runId: '../0' }],
    ['no credentials', { ...good, credentials: undefined }],
    ['credentials that are text', { ...good, credentials: 'root' }],
    ['credentials without a token', { ...good, credentials: { ...good.credentials, accessToken: '' } }],
    ['a worker that is a path', { ...good, workerId: '../x' }],
    ['no task', { ...good, task: null }],
    ['a time that is a number', claimAnswer(1e15)],
    ['a time beyond all times', claimAnswer('+275760-09-13T00:00:00.001Z')],
    ['a payload that is a list', { ...good, task: { ...good.task, payload: [] } }],
    ['nothing', null],
    ['a word', 'claim'],
  ])('with %s is left out', async (_, odd) => {
    const { taskIds, problems } = await claimed([odd, good], 2);
    expect(taskIds).toEqual([CLAIMED_TASK_ID]);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(5);
  });

  it('with more runs than there can be is read in no more time than they take to come', async () => {
    const runs = Array.from({ length: 100_000 }, (_, runId) => ({ ...good.status.runs[0], runId }));
    const { taskIds, problems } = await claimed([status({ runs }), good], 2);
    expect(taskIds).toEqual([CLAIMED_TASK_ID]);
    expect(problems.length).toBeLessThanOrEqual(5);
  });

  it('that was not asked for is left out, and told of once for all', async () => {
    const { taskIds, problems } = await claimed(Array(1_000).fill(good), 2);
    expect(taskIds).toEqual([CLAIMED_TASK_ID, CLAIMED_TASK_ID]);
    expect(problems).toEqual([expect.stringContaining('1000 tasks where 2 were asked for')]);
  });

  it.each([undefined, null, 'none', 7, {}, { length: 1e9 }])(
    'where there should be a list: %j',
    async tasks => {
      const { taskIds, problems } = await claimed(tasks, 1);
      expect(taskIds).toEqual([]);
      expect(problems).toEqual([expect.stringContaining('/tasks is not a list')]);
    },
  );

  it('may hold whatever a payload can, however deep', async () => {
    const depth = 100_000;
    const { rootUrl } = await webServer(response => {
      const text = JSON.stringify({ tasks: [{ ...good, task: { ...good.task, payload: 'DEEP' } }] });
      const deep = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
      response.writeHead(200, { 'content-type': 'application/json' }).end(text.replace('"DEEP"', deep));
    });
    const queue = connectQueue({
      rootUrl,
      taskQueueId: 'p/w',
      workerGroup: 'g',
      workerId: 'i',
      credentials: { clientId: 'worker', accessToken: new Secret('token-of-worker') },
    });
    expect(await queue.claimWork(1)).toHaveLength(1);
  });
});
