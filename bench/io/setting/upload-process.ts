// Uploads artifacts as a run does, in its own process, and reports the cost to the parent.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runArtifacts } from '../../../src/worker/artifacts/run-artifacts.ts';
import { artifacts } from '../../../src/worker/features/artifacts/artifacts.ts';
import type { Ending, RunHandle, WorkerHost } from '../../../src/worker/features/feature.ts';
import { closeSource } from '../../../src/worker/files/file-source.ts';
import { hostFiles } from '../../../src/worker/files/host-files.ts';
import type { Sandbox } from '../../../src/worker/engines/engine.ts';
import type { ArtifactSpec } from '../../../src/worker/task-spec.ts';
import { runFolderAt } from '../../../test/run-folder-at.ts';
import { nowMs } from '../../setting/clock.ts';
import { claimedRun } from './claimed-run.ts';

export interface UploadJob {
  readonly rootUrl: string;
  readonly folder: string;
  readonly artifacts: readonly ArtifactSpec[];
  /** If set, uploads this many files of `folder` one after the other instead, with nothing done in parallel. */
  readonly oneByOne?: number;
}

export interface UploadCosts {
  readonly wallMs: number;
  /** The CPU time of all threads. */
  readonly cpuMs: number;
  /**
   * The growth of the peak memory after the first fifth of the time, in millions of bytes. This is the part that grows
   * with the number or size of the files, without the fixed cost of any upload.
   */
  readonly growthMb: number;
}

const LOOK_EVERY_MS = 20;
const { signal } = new AbortController();
const job = JSON.parse(process.argv[2] ?? '') as UploadJob;
const { calls, claim } = claimedRun(job.rootUrl);
const home = runFolderAt(job.folder);
const sink = runArtifacts({ calls, expires: claim.task.deadline, beside: `${job.folder}.beside` });
const quiet = { info: () => undefined, warn: () => undefined, error: console.error };

process.once('disconnect', () => process.exit());
// The first upload loads code.
await sink.upload('first', Buffer.from('x'), {
  contentType: 'text/plain',
  contentEncoding: 'identity',
  signal,
});
const sizes: number[] = [process.memoryUsage.rss()];
const looking = setInterval(() => {
  sizes.push(process.memoryUsage.rss());
}, LOOK_EVERY_MS);
const startedMs = nowMs();
const used = process.cpuUsage();
await (job.oneByOne === undefined ? uploadAll() : uploadOneByOne(job.oneByOne));
const { user, system } = process.cpuUsage(used);
const costs: UploadCosts = {
  wallMs: nowMs() - startedMs,
  cpuMs: (user + system) / 1_000,
  growthMb: growthOf(sizes) / 1e6,
};
clearInterval(looking);
process.send?.(costs, () => process.exit());

function growthOf(seen: readonly number[]): number {
  const first = Math.max(1, Math.ceil(seen.length / 5));
  return Math.max(0, Math.max(...seen) - Math.max(...seen.slice(0, first)));
}

async function uploadAll(): Promise<void> {
  const feature = await artifacts.open({} as WorkerHost);
  const run = { artifacts: sink, calls, claim, home, log: quiet } as unknown as RunHandle;
  const active = await feature.start(job.artifacts, run);
  active.started?.({ files: hostFiles(home.path) } as Sandbox, {});
  await active.finish?.({ uploads: 'all', signal } as Ending);
}

async function uploadOneByOne(count: number): Promise<void> {
  const names = (await readdir(job.folder, { recursive: true })).filter(name => name.endsWith('.txt'));
  for (const name of names.slice(0, count)) {
    const opened = await hostFiles(home.path).open(join(job.folder, name));
    if (opened.kind !== 'file') throw new Error(`${name} is not a file`);
    const { source } = opened;
    await sink.upload(name, source, { contentType: 'text/plain', contentEncoding: 'gzip', signal });
    await closeSource(source);
  }
}
