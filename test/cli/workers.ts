import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import taskcluster from 'taskcluster-client';
import { expect } from 'vitest';
import { startLocalQueue, type LocalQueueOptions } from '../../src/local/index.ts';
import { Secret } from '../../src/pulse/index.ts';
import { queueCalls, type TaskStatusStructure } from '../../src/taskcluster/index.ts';
import { start, type Start } from './tcw.ts';
import { workerLines } from './worker-lines.ts';

const PROVISIONER = 'test';
const WORKER_TYPE = 'processes';

/** What taskcluster-client, which ships no types, has for who wants to see artifacts. */
interface ArtifactCalls {
  listArtifacts(
    taskId: string,
    runId: string,
  ): Promise<{ artifacts: { name: string; storageType: string }[] }>;
  artifact(taskId: string, runId: string, name: string): Promise<{ url: string }>;
}

/** An embedded queue, and real `tcw run` processes that poll it: for what needs a process, such as its sudden death. */
export async function queueForWorkers(options: Partial<LocalQueueOptions> = {}, how: Start = {}) {
  const tokens = {
    user: new Secret(`user-token-${randomUUID()}`),
    worker: new Secret(`worker-token-${randomUUID()}`),
  };
  const taskQueueId = `${PROVISIONER}/${WORKER_TYPE}`;
  const local = await startLocalQueue({
    longPollMs: 500,
    checkIntervalMs: 50,
    claimDelayMs: 100,
    publish: () => Promise.resolve(),
    clients: [
      { clientId: 'user', accessToken: tokens.user, scopes: ['*'] },
      {
        clientId: 'worker',
        accessToken: tokens.worker,
        scopes: [`queue:claim-work:${taskQueueId}`, 'queue:worker-id:group/*'],
      },
    ],
    ...options,
  });
  const tasksDir = await mkdtemp(join(tmpdir(), 'tcw-workers-'));
  const children: ReturnType<typeof start>[] = [];
  const call = queueCalls({ rootUrl: local.rootUrl });
  const user = { clientId: 'user', accessToken: tokens.user };
  const status = async (taskId: string): Promise<TaskStatusStructure> =>
    (await call(user, 'status', taskId)).status;
  const artifacts = new taskcluster.Queue({
    rootUrl: local.rootUrl,
    credentials: { clientId: user.clientId, accessToken: tokens.user.reveal() },
  }) as unknown as ArtifactCalls;

  const environment = {
    TCW_ACCESS_TOKEN: tokens.worker.reveal(),
    // It would lie beside tasksDir, among everybody's temporary files.
    TCW_ENABLE_METADATA: 'false',
  };
  const words = (...flags: string[]) => [
    'run',
    ...notGiven(
      flags,
      `--root-url=${local.rootUrl}`,
      '--client-id=worker',
      `--provisioner-id=${PROVISIONER}`,
      `--worker-type=${WORKER_TYPE}`,
      '--worker-group=group',
      `--tasks-dir=${tasksDir}`,
      '--log-level=debug',
      '--required-disk-space-megabytes=1',
      `--worker-id=w-${randomUUID().slice(0, 8)}`,
    ),
    ...flags,
  ];

  return {
    local,
    tasksDir,
    /** What starts a worker, for who starts it in another way than `start` does. */
    environment,
    words,
    /** Who may do everything. */
    user,
    status,
    create: async (script: string, definition = {}, payload = {}): Promise<string> => {
      const taskId = taskcluster.slugid();
      const now = new Date();
      await call(user, 'createTask', taskId, {
        taskQueueId,
        schedulerId: 'test',
        created: now.toJSON(),
        deadline: taskcluster.fromNow('1 hour', now).toJSON(),
        metadata: { name: 'test', description: '', owner: 'test@example.com', source: 'https://example.com' },
        payload: { command: [['sh', '-c', script]], maxRunTime: 600, ...payload },
        ...definition,
      });
      return taskId;
    },
    artifacts: async (taskId: string) => (await artifacts.listArtifacts(taskId, '0')).artifacts,
    artifact: async (taskId: string, name: string) => {
      const { url } = await artifacts.artifact(taskId, '0', name);
      return (await fetch(url)).text();
    },
    /** Waits until a run of a task is in a state. */
    reaches: (taskId: string, state: string, runId = 0) =>
      expect.poll(async () => (await status(taskId)).runs[runId]).toMatchObject({ state }),
    /** Starts a worker; it dies with the test, at the latest when `close` is called. */
    start: (...flags: string[]) => {
      const child = start(words(...flags), {
        ...how,
        environment: { ...environment, ...how.environment },
      });
      children.push(child);
      const { exited, lines } = workerLines(child);
      return {
        child,
        exited,
        lines,
        says: (message: string, fields: object = {}) =>
          expect.poll(lines).toContainEqual(expect.objectContaining({ msg: message, ...fields })),
        kill: async () => {
          child.kill('SIGKILL');
          await exited;
        },
      };
    },
    close: async () => {
      for (const child of children) child.kill('SIGKILL');
      await local.close();
      await rm(tasksDir, { recursive: true, force: true });
    },
  };
}

/** The default flags that are not given otherwise: no flag may be given twice. */
export function notGiven(flags: readonly string[], ...defaults: string[]): string[] {
  const given = flags.map(nameOf);
  return defaults.filter(flag => !given.includes(nameOf(flag)));
}

const nameOf = (flag: string): string => flag.split('=', 1)[0] ?? '';

/** The processes whose command line or environment holds a word. */
export async function processesWith(word: string, where: 'cmdline' | 'environ' = 'cmdline') {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const texts = await Promise.all(
    pids.map(async pid => ({ pid, text: await readFile(`/proc/${pid}/${where}`, 'utf8').catch(() => '') })),
  );
  return texts.filter(({ text }) => text.includes(word)).map(({ pid }) => Number(pid));
}

/** A number of seconds to sleep, by which a test knows its processes. */
export function newMark(): string {
  return `34${randomUUID().replaceAll(/\D/g, '').slice(0, 7)}`;
}
