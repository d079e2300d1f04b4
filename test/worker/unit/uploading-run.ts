import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Secret } from '../../../src/pulse/index.ts';
import { connectQueue, type RunCalls } from '../../../src/taskcluster/index.ts';
import { runArtifacts } from '../../../src/worker/artifacts/run-artifacts.ts';
import type { Sandbox } from '../../../src/worker/engines/engine.ts';
import { artifacts } from '../../../src/worker/features/artifacts/artifacts.ts';
import type { RunHandle } from '../../../src/worker/features/feature.ts';
import { hostFiles } from '../../../src/worker/files/host-files.ts';
import type { TaskFiles } from '../../../src/worker/files/task-files.ts';
import type { ArtifactSpec, TaskSpec } from '../../../src/worker/task-spec.ts';
import { makeRunFolder } from '../../../src/worker/files/run-folder.ts';
import { startQueue, TASK_QUEUE_ID, WORKER } from '../../local/queue-under-test.ts';
import { memoryLog } from './memory-log.ts';
import { NO_ENGINE } from './active-run.ts';
import { ending, featureHost } from './feature-host.ts';
import { taskSpec } from './task-spec.ts';

const HOUR_MS = 3_600_000;
export const inHours = (hours: number) => new Date(Date.now() + hours * HOUR_MS).toISOString();

/**
 * A run that was claimed at a real queue, with these artifacts in its payload and these files in its folder.
 *
 * @param filesOf how features see the files of that folder
 */
export async function start(
  requests: Partial<ArtifactSpec>[],
  files: Record<string, string | Buffer> = {},
  filesOf: (folder: string) => TaskFiles = hostFiles,
) {
  const real = await startQueue();
  onTestFinished(() => real.close());
  const parent = await realpath(await mkdtemp(join(tmpdir(), 'tcw-artifacts-')));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  const folder = join(parent, 'task_x_0');
  const home = await makeRunFolder(folder);
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), content);
  }
  await real.create({ deadline: inHours(1), expires: inHours(24) });
  const { clientId, accessToken } = real.credentials.worker;
  const queue = connectQueue({
    rootUrl: real.rootUrl,
    credentials: { clientId, accessToken: new Secret(accessToken) },
    taskQueueId: TASK_QUEUE_ID,
    ...WORKER,
  });
  const [claim] = await queue.claimWork(1);
  if (!claim) throw new Error('nothing was claimed');
  const stopped = new AbortController();
  const log = memoryLog();
  const calls = queue.forRun(claim);
  const task = taskSpec({
    artifacts: requests.map(request => ({ type: 'file', path: 'x', optional: false, ...request })),
  });
  /** A run that uses these calls to the queue. */
  const runWith = (made: RunCalls, { logs } = task) => {
    const expires = claim.task.expires ?? claim.task.deadline;
    const sink = runArtifacts({ calls: made, expires, beside: folder });
    for (const name of Object.values(logs) as (string | undefined)[]) if (name) sink.reserve(name, 'the log');
    const handle: RunHandle = {
      certified: new Map(),
      claim,
      calls: made,
      task,
      engine: NO_ENGINE,
      home,
      log,
      artifacts: sink,
      signal: stopped.signal,
      beside: name => `${folder}.${name}`,
      hide: () => undefined,
      stop: () => undefined,
    };
    const finish = async () => {
      const ask = feature.ask(task, claim);
      if (ask === undefined) return;
      const active = await feature.start(ask, handle);
      active.started?.({ files: filesOf(home.path) } as Sandbox, {});
      await active.finish?.(ending({ signal: stopped.signal }));
    };
    return { ...handle, folder, finish };
  };
  const feature = await artifacts.open(featureHost());
  const at = `${real.rootUrl}/api/queue/v1/task/${claim.taskId}/runs/0/artifacts`;
  return {
    run: runWith(calls),
    runWith,
    /** The problems that the feature finds in the task's payload. */
    problems: async (change: Partial<TaskSpec> = {}) => {
      const asking = { ...task, ...change };
      const ask = feature.ask(asking, claim);
      return ask === undefined ? [] : [...((await feature.check?.(ask, asking, claim)) ?? [])];
    },
    log,
    claim,
    stop: () => {
      stopped.abort(new Error('task canceled'));
    },
    listed: async () => {
      const { artifacts: list } = await real.root.listArtifacts(claim.taskId, '0');
      return list.map(({ name, storageType }) => `${storageType} ${name}`).sort();
    },
    download: (name: string) => fetch(`${at}/${encodeURIComponent(name)}`),
    leftovers: async () => (await readdir(parent)).filter(name => name !== basename(folder)),
  };
}
