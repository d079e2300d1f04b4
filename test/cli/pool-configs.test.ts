import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { desktop, fromRunner, windows } from '../config/pool-configs.ts';
import { poolWorker, withoutAnyEffect } from './pool-worker.ts';
import { tcw } from './tcw.ts';

it('the example configuration for testers with a desktop runs a task with tcw run, unchanged', async () => {
  const worker = await poolWorker(desktop);
  await worker.listening();
  const taskId = await worker.here.create(
    'echo "$TASKCLUSTER_WORKER_LOCATION"; echo "$TASKCLUSTER_INSTANCE_TYPE"; echo "${TASKCLUSTER_PROXY_URL:+proxy}"',
    {},
    { features: { taskclusterProxy: true } },
  );
  await worker.here.reaches(taskId, 'completed');
  const log = await worker.here.artifact(taskId, 'public/logs/live_backing.log');
  expect(log).toContain('\n{"cloud":"example","region":"north"}\nlarge\nproxy\n');
  expect(log).toContain('"image": "ours"');
  expect(withoutAnyEffect(worker.warnings())).toEqual([]);
  expect(await worker.stop()).toBe(72);
});

it('the example configuration for Windows machines is refused in one line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tcw-pool-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const file = join(folder, 'config');
  writeFileSync(file, JSON.stringify({ ...windows, ...fromRunner }), { mode: 0o600 });
  const { exitCode, stderr } = await tcw(['run', '--config', file]);
  expect(exitCode).toBe(73);
  expect(stderr).toContain('this configuration is for a Windows worker');
});
