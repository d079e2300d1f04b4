import { describe, expect, it } from 'vitest';
import type { Claim } from '../../../src/taskcluster/index.ts';
import { taskEnvironment } from '../../../src/worker/run/environment.ts';
import { workerConfig } from './worker-config.ts';

const CLAIM = {
  taskId: 'Wq3cJ8DbQ0eHkZ5uYt1mPA',
  runId: 2,
  task: { taskGroupId: 'GROUPcJ8QbQ0eHkZ5uYt1A' },
} as Claim;
const FOLDER = '/tasks/task_x_2';

const environment = (env?: Record<string, string>, change: Parameters<typeof workerConfig>[0] = {}) =>
  taskEnvironment(CLAIM, { env: env ?? {} }, {}, { folder: FOLDER }, workerConfig(change));

describe('the environment of a task', () => {
  it('has exactly these variables', () => {
    const { USER, ...others } = environment();
    expect(USER).toMatch(/./);
    expect(others).toEqual({
      PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
      HOME: FOLDER,
      LANG: 'C.UTF-8',
      TASK_ID: CLAIM.taskId,
      RUN_ID: '2',
      TASK_WORKDIR: FOLDER,
      TASK_GROUP_ID: CLAIM.task.taskGroupId,
      TASKCLUSTER_ROOT_URL: 'https://tc.example.com',
    });
  });

  it('has no variables of the machine in a container, whose image has its own', () => {
    const container = {
      image: { kind: 'named', name: 'x' },
      capabilities: new Set<string>(),
      devices: [],
    } as const;
    expect(
      taskEnvironment(CLAIM, { env: { HOME: '/me' }, container }, {}, { folder: FOLDER }, workerConfig()),
    ).toEqual({
      HOME: '/me',
      TASK_ID: CLAIM.taskId,
      RUN_ID: '2',
      TASK_GROUP_ID: CLAIM.task.taskGroupId,
      TASKCLUSTER_ROOT_URL: 'https://tc.example.com',
    });
  });

  it('has the variables of the payload, which may override the defaults', () => {
    expect(environment({ HOME: '/root', MINE: 'x', EMPTY: '' })).toMatchObject({
      HOME: '/root',
      MINE: 'x',
      EMPTY: '',
    });
  });

  it('has variables that no payload can override', () => {
    const forced = {
      TASK_ID: 'x',
      RUN_ID: 'x',
      TASK_WORKDIR: 'x',
      TASK_GROUP_ID: 'x',
      TASKCLUSTER_ROOT_URL: 'x',
      TASKCLUSTER_WORKER_LOCATION: 'x',
      TASKCLUSTER_INSTANCE_TYPE: 'x',
    };
    const change = { workerLocation: '{"cloud": "x"}', instanceType: 'm7.large' };
    expect(environment(forced, change)).toEqual(environment({}, change));
  });

  it('includes the location of the worker if it is configured', () => {
    expect(environment({}, { workerLocation: 'here', instanceType: 'm7.large' })).toMatchObject({
      TASKCLUSTER_WORKER_LOCATION: 'here',
      TASKCLUSTER_INSTANCE_TYPE: 'm7.large',
    });
  });

  it('includes no variables of the worker process', () => {
    process.env.TCW_TEST_SECRET = 'secret';
    try {
      expect(Object.keys(environment())).not.toContain('TCW_TEST_SECRET');
    } finally {
      delete process.env.TCW_TEST_SECRET;
    }
  });

  it.runIf(process.geteuid?.() === 0)(
    'includes the user even if the system knows no name for its uid',
    () => {
      process.seteuid?.(1_234_567);
      try {
        expect(environment().USER).toBe('1234567');
      } finally {
        process.seteuid?.(0);
      }
    },
  );
});
