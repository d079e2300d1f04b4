import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '../../../src/worker/engines/engine.ts';
import { runArtifacts } from '../../../src/worker/artifacts/run-artifacts.ts';
import { closeSource } from '../../../src/worker/files/file-source.ts';
import { claimedRun } from '../../io/setting/claimed-run.ts';
import { timedShell } from '../../io/setting/shell.ts';
import { startStore } from '../../io/setting/store.ts';
import { rowOf } from '../../report/row.ts';
import { nowMs } from '../../setting/clock.ts';
import { docker, dockerRun } from '../setting/command-line.ts';
import { endRun, openRun, runWell } from '../setting/runs.ts';
import type { EngineFigure } from '../setting/setting.ts';

const SIZES = { quick: { megabytes: 100, rounds: 2 }, full: { megabytes: 1_000, rounds: 5 } };

/**
 * Uploads a large file from an exited container to a server, compared with `docker cp` into a file and `curl -T` of
 * that file.
 */
export const artifact: EngineFigure = {
  name: 'artifact',
  async measure(setting) {
    const { megabytes, rounds } = setting.quick ? SIZES.quick : SIZES.full;
    const { host, image } = setting;
    const argv = ['dd', 'if=/dev/urandom', 'of=/file', 'bs=1000000', `count=${megabytes}`, 'status=none'];
    await using store = await startStore();
    await using stack = new AsyncDisposableStack();
    const folder = join(setting.folder, 'artifact');
    await mkdir(folder);
    const sandbox = await openRun(setting);
    stack.defer(() => endRun(sandbox));
    await runWell(sandbox, argv);
    const name = `tcw-bench-artifact-${process.pid}`;
    stack.defer(async () => void (await docker(host, ['rm', '--force', name])));
    await dockerRun(host, { name, image: image.id, argv }).endedMs;
    const copy = join(folder, 'copy');
    const samples: number[] = [];
    const baseline: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      setting.say(`artifact: round ${round} of ${rounds}`);
      samples.push(await uploaded(sandbox, store.url, folder));
      const copiedMs = await docker(host, ['cp', `${name}:/file`, copy]);
      baseline.push(
        copiedMs + (await timedShell(`curl -sSf -T ${copy} ${store.url}/bucket/key && rm ${copy}`)),
      );
    }
    const figure = `docker: ${megabytes} MB artifact out of a container, beside \`docker cp\` and \`curl -T\``;
    return [rowOf('median', { figure, samples, baseline }, { ratioAtLeast: 1.67 })];
  },
};

/** Uploads a file without compression, as a run does. */
async function uploaded(sandbox: Sandbox, rootUrl: string, folder: string): Promise<number> {
  const { calls, claim } = claimedRun(rootUrl);
  const sink = runArtifacts({ calls, expires: claim.task.deadline, beside: join(folder, 'beside') });
  const startedMs = nowMs();
  const opened = await sandbox.files.open('/file');
  if (opened.kind !== 'file') throw new Error(`there is no file, but: ${opened.kind}`);
  await sink.upload('public/file', opened.source, {
    contentType: 'application/octet-stream',
    contentEncoding: 'identity',
    ...(opened.size !== undefined && { size: opened.size }),
    signal: new AbortController().signal,
  });
  await closeSource(opened.source);
  return nowMs() - startedMs;
}
