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

it('an invalid claim is reported, and the others of the same answer are used', async () => {
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
    ['a task id of __proto__', status({ taskId: '__proto__' })],
    ['a task id that is a number', status({ taskId: 1 })],
    ['a negative run id', { ...good, runId: -1 }],
    ['a run id that is too large', { ...good, runId: 1e9 }],
    ['a fractional run id', { ...good, runId: 0.5 }],
    ['a run id that is a string', { ...good, runId: '../0' }],
    ['no credentials', { ...good, credentials: undefined }],
    ['credentials that are a string', { ...good, credentials: 'root' }],
    ['credentials without a token', { ...good, credentials: { ...good.credentials, accessToken: '' } }],
    ['a worker that is a path', { ...good, workerId: '../x' }],
    ['no task', { ...good, task: null }],
    ['a time that is a number', claimAnswer(1e15)],
    ['a time after the last valid one', claimAnswer('+275760-09-13T00:00:00.001Z')],
    ['a payload that is a list', { ...good, task: { ...good.task, payload: [] } }],
    ['nothing', null],
    ['a string', 'claim'],
  ])('with %s is omitted', async (_, odd) => {
    const { taskIds, problems } = await claimed([odd, good], 2);
    expect(taskIds).toEqual([CLAIMED_TASK_ID]);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(5);
  });

  it('with very many runs is parsed in linear time', async () => {
    const runs = Array.from({ length: 100_000 }, (_, runId) => ({ ...good.status.runs[0], runId }));
    const { taskIds, problems } = await claimed([status({ runs }), good], 2);
    expect(taskIds).toEqual([CLAIMED_TASK_ID]);
    expect(problems.length).toBeLessThanOrEqual(5);
  });

  it('that was not requested is omitted, with one report for all', async () => {
    const { taskIds, problems } = await claimed(Array(1_000).fill(good), 2);
    expect(taskIds).toEqual([CLAIMED_TASK_ID, CLAIMED_TASK_ID]);
    expect(problems).toEqual([expect.stringContaining('1000 tasks, but only 2 were requested')]);
  });

  it.each([undefined, null, 'none', 7, {}, { length: 1e9 }])(
    'is not found if the answer has no list of tasks: %j',
    async tasks => {
      const { taskIds, problems } = await claimed(tasks, 1);
      expect(taskIds).toEqual([]);
      expect(problems).toEqual([expect.stringContaining('/tasks is not a list')]);
    },
  );

  it('may contain a payload of any depth', async () => {
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
