import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { refusal, webServer } from '../taskcluster/web-server.ts';
import { waitFor } from '../wait-for.ts';
import { start } from './tcw.ts';

const SECRETS = {
  TCW_ACCESS_TOKEN: 'token-of-the-worker',
  TASKCLUSTER_ACCESS_TOKEN: 'token-that-is-overruled',
  PULSE_PASSWORD: 'pulse-p@ssword',
};

it('a worker reveals none of its secrets, wherever they come from', async () => {
  const told = [...Object.values(SECRETS), encodeURIComponent(SECRETS.PULSE_PASSWORD)];
  const queue = await webServer(refusal(400, 'InputError', told.map(secret => `<${secret}>`).join(' ')));
  const tasksDir = await mkdtemp(join(tmpdir(), 'tcw-secrets-'));
  onTestFinished(() => rm(tasksDir, { recursive: true, force: true }));
  const identity = ['--client-id=c', '--worker-type=w', '--worker-id=i', `--tasks-dir=${tasksDir}`];
  const child = start(['run', `--root-url=${queue.rootUrl}`, ...identity], { environment: SECRETS });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await waitFor(() => {
    expect(said).toContain('<[redacted]> <[redacted]> <[redacted]> <[redacted]>');
  });
  child.kill('SIGTERM');
  await once(child, 'exit');
  for (const secret of told) expect(said).not.toContain(secret);
});
