import { expect, it } from 'vitest';
import { Secret } from '../../src/pulse/index.ts';
import { connectQueue } from '../../src/queue/index.ts';
import { json, webServer } from './web-server.ts';

const TASK_ID = 'fN1SbArXTPSVFNUvaOlinQ';
/** A time to the schema, and none to JavaScript. */
const LEAP_SECOND = '2016-12-31T23:59:60.000Z';

function claim(takenUntil: unknown) {
  const times = {
    created: '2030-01-01T00:00:00.000Z',
    deadline: '2030-01-02T00:00:00.000Z',
    expires: '2031-01-01T00:00:00.000Z',
  };
  const names = {
    provisionerId: 'p',
    workerType: 'w',
    taskQueueId: 'p/w',
    schedulerId: 's',
    projectId: 'none',
    taskGroupId: TASK_ID,
  };
  const run = {
    runId: 0,
    state: 'running',
    reasonCreated: 'scheduled',
    scheduled: times.created,
    started: times.created,
    takenUntil: '2030-01-01T00:20:00.000Z',
    workerGroup: 'g',
    workerId: 'i',
  };
  return {
    status: {
      taskId: TASK_ID,
      ...names,
      priority: 'lowest',
      deadline: times.deadline,
      expires: times.expires,
      retriesLeft: 5,
      state: 'running',
      runs: [run],
    },
    runId: 0,
    workerGroup: 'g',
    workerId: 'i',
    takenUntil,
    task: {
      ...names,
      ...times,
      dependencies: [],
      requires: 'all-completed',
      routes: [],
      priority: 'lowest',
      retries: 5,
      scopes: [],
      payload: {},
      metadata: { name: 'n', description: 'd', owner: 'a@example.com', source: 'https://example.com' },
      tags: {},
      extra: {},
    },
    credentials: { clientId: 'task-client/x', accessToken: 'a'.repeat(44), certificate: '{}' },
  };
}

it('a claim that can not be read is told of, and does not cost the others that came with it', async () => {
  const good = claim('2030-01-01T00:20:00.000Z');
  const { rootUrl } = await webServer(
    json(200, { tasks: [good, claim('soon'), claim(LEAP_SECOND), { ...good, aNewProperty: 1 }] }),
  );
  const problems: string[] = [];
  const queue = connectQueue({
    rootUrl,
    taskQueueId: 'p/w',
    workerGroup: 'g',
    workerId: 'i',
    credentials: { clientId: 'worker', accessToken: new Secret('token-of-worker') },
    onUnreadable: problem => problems.push(problem),
  });
  expect((await queue.claimWork(4)).map(({ taskId }) => taskId)).toEqual([TASK_ID, TASK_ID]);
  expect(problems).toEqual([
    expect.stringContaining('/tasks/1/takenUntil must match format "date-time"'),
    expect.stringContaining(LEAP_SECOND),
  ]);
});
