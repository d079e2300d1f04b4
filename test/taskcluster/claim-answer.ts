/** A claim as `claimWork` answers it, for a queue that is made up. */
export const CLAIMED_TASK_ID = 'fN1SbArXTPSVFNUvaOlinQ';
export function claimAnswer(takenUntil: unknown = '2030-01-01T00:20:00.000Z') {
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
    taskGroupId: CLAIMED_TASK_ID,
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
      taskId: CLAIMED_TASK_ID,
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
