import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Secret } from '../../../src/pulse/index.ts';
import { connectQueue } from '../../../src/queue/index.ts';
import type { FinishingRun } from '../../../src/worker/features/feature.ts';
import type { ArtifactRequest } from '../../../src/worker/features/payload.ts';
import { makeRunFolder } from '../../../src/worker/files/run-folder.ts';
import { startQueue, TASK_QUEUE_ID, WORKER } from '../../local/queue-under-test.ts';
import { memoryLog } from './memory-log.ts';
import { workerConfig } from './worker-config.ts';

const HOUR_MS = 3_600_000;
export const inHours = (hours: number) => new Date(Date.now() + hours * HOUR_MS).toISOString();

/** A run that is claimed at a real queue and asks for these artifacts, with these files in its folder. */
export async function start(
  requests: Partial<ArtifactRequest>[],
  files: Record<string, string | Buffer> = {},
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
  const run: FinishingRun = {
    claim,
    calls: queue.forRun(claim),
    payload: {
      command: [['true']],
      maxRunTime: 60,
      artifacts: requests.map(request => ({ type: 'file', path: 'x', optional: false, ...request })),
    },
    folder,
    home,
    log,
    config: workerConfig(),
    signal: stopped.signal,
  };
  const at = `${real.rootUrl}/api/queue/v1/task/${claim.taskId}/runs/0/artifacts`;
  return {
    run,
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
