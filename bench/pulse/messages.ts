/** Returns a message like those of `task-pending`, of about 1 KB. */
export function pendingMessage(number: number): object {
  const taskId = slugid(number);
  const scheduled = '2026-11-20T22:18:35.496Z';
  return {
    status: {
      taskId,
      provisionerId: 'bench-provisioner',
      workerType: 'bench-worker-type',
      taskQueueId: 'bench-provisioner/bench-worker-type',
      schedulerId: 'bench-level-1',
      projectId: 'bench',
      taskGroupId: slugid(0),
      deadline: '2026-11-21T22:18:35.496Z',
      expires: '2027-11-20T22:18:35.496Z',
      retriesLeft: 5,
      state: 'pending',
      runs: [
        {
          runId: 0,
          state: 'exception',
          reasonCreated: 'scheduled',
          reasonResolved: 'worker-shutdown',
          scheduled,
        },
        { runId: 1, state: 'pending', reasonCreated: 'retry', scheduled },
      ],
    },
    runId: 1,
    task: {
      tags: {
        kind: 'test',
        label: 'bench-linux-64/opt-one-of-many-with-a-label-as-long-as-such-labels-often-are',
        createdForUser: 'somebody@example.com',
        project: 'bench',
        os: 'linux',
        'test-suite': 'one-of-the-suites',
        'test-platform': 'bench-linux-64-shippable-qr/opt',
        retrigger: 'true',
        'worker-implementation': 'tcw',
      },
    },
    version: 1,
  };
}

/** Returns an id in Taskcluster's format: a UUID of version 4 in 22 characters. */
function slugid(number: number): string {
  return `BenchmarQxC${String(number).padStart(10, '0')}A`;
}
