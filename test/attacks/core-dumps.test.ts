import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterEach, expect, it } from 'vitest';
import { bin, cleanEnvironment } from '../cli/tcw.ts';
import { waitFor } from '../wait-for.ts';

// A core dump holds the worker's tokens, and may lie where anybody can read it.
let stop = (): void => undefined;
afterEach(() => {
  stop();
});

it.runIf(process.platform === 'linux').each([
  ['tcw', [bin]],
  ['node bin/tcw.js', [process.execPath, bin]],
])('%s cannot leave a core dump, whatever its shell allows', async (_, program) => {
  const pid = await startListening('ulimit -Sc unlimited', program);
  await waitFor(() => {
    expect(limitOf(pid, 'core file size')).toMatch(/^0 +unlimited/);
  });
});

it('tcw records the limits with which it was started, for its tasks', async () => {
  const pid = await startListening('ulimit -Sn 789; ulimit -Sc 5', [bin]);
  const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  expect(environment).toContain('TCW_STARTED_LIMITS=nofile=789 core=5');
});

/** Starts something that goes on until it is told to stop. */
async function startListening(limits: string, program: readonly string[]): Promise<number> {
  const child = spawn('sh', ['-c', `${limits}; exec "$@"`, 'sh', ...program, 'dev'], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  stop = () => child.kill('SIGTERM');
  for await (const line of createInterface(child.stdout)) if (line.startsWith('The queue listens')) break;
  return child.pid ?? 0;
}

function limitOf(pid: number, name: string): string {
  const limits = readFileSync(`/proc/${pid}/limits`, 'latin1');
  return new RegExp(`^Max ${name} +(.*)$`, 'm').exec(limits)?.[1] ?? '';
}
