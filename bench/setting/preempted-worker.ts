import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TASK_QUEUE_ID, WORKER } from '../../test/local/queue-under-test.ts';
import type { poolUnderTest } from '../../test/pool/registration/pool-under-test.ts';
import { startProgram } from './children.ts';
import { nowMs } from './clock.ts';
import type { Setting } from './setting.ts';

type Pool = Awaited<ReturnType<typeof poolUnderTest>>;

/** A `tcw run` that can be told that its machine is taken away. */
export interface PreemptedWorker {
  /** Settles with the exit code. */
  readonly exited: Promise<number | null>;
  /** Delivers the notice. Settles with the time at which the worker had it, on the clock of `nowMs`. */
  notify(): Promise<number>;
}

/** Starts a worker of a pool, with its folders in `pool.folder`. */
export type StartPreempted = (setting: Setting, pool: Pool) => Promise<PreemptedWorker>;

const TERMINATION_TIME = '/latest/meta-data/spot/termination-time';
/** The time that AWS leaves to a machine, in ms. */
const AWS_MS = 120_000;

/** Under worker-runner, which sends the message `graceful-termination`. The worker is connected to Pulse. */
export const underRunner: StartPreempted = async ({ tcw, pulseUrl }, { folder, proxy, queue }) => {
  const [provisionerId, workerType] = TASK_QUEUE_ID.split('/');
  const { clientId, accessToken } = queue.credentials.root;
  const child = await startRun(
    tcw,
    folder,
    { rootURL: proxy.rootUrl, clientId, accessToken, provisionerId, workerType, ...WORKER, pulseUrl },
    '--with-worker-runner',
  );
  const say = (message: object) => child.stdin?.write(`~${JSON.stringify(message)}\n`);
  say({ type: 'welcome', capabilities: ['graceful-termination', 'shutdown'] });
  return {
    exited: exitOf(child),
    notify: async () => {
      say({ type: 'graceful-termination', 'finish-tasks': false });
      return nowMs();
    },
  };
};

/** On a machine of AWS, whose metadata service the worker polls. It polls the queue, too, so it has no Pulse to close. */
export const onAws: StartPreempted = async ({ tcw }, pool) => {
  const metadata = await pool.machine();
  const own = { provider: 'aws', cloudMetadataUrl: metadata.url };
  const child = await startRun(tcw, pool.folder, own);
  return {
    exited: exitOf(child),
    notify: async () => {
      const { promise, resolve } = Promise.withResolvers<number>();
      metadata.answers.set(TERMINATION_TIME, (_, response) => {
        response.end(new Date(Date.now() + AWS_MS).toISOString());
        resolve(nowMs());
      });
      return promise;
    },
  };
};

async function startRun(tcw: string, folder: string, own: object, ...words: string[]) {
  const file = join(folder, 'worker.json');
  const config = {
    ...own,
    tasksDir: join(folder, 'tasks'),
    cachesDir: join(folder, 'caches'),
    downloadsDir: join(folder, 'downloads'),
    registrationFile: join(folder, 'registration.json'),
    requiredDiskSpaceMegabytes: 1,
    logLevel: 'error',
  };
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
  return startProgram(tcw, ['run', '--config', file, ...words], {}, ['pipe', 'ignore', 'inherit']);
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}
