import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startLifeline, type LifelinePlan } from './lifeline.ts';

describe('a lifeline', () => {
  let outside: string;

  beforeEach(() => {
    outside = mkdtempSync(join(tmpdir(), 'tcw-lifeline-'));
  });
  afterEach(() => rmSync(outside, { recursive: true, force: true }));

  it('ends its processes and their descendants, runs the final command and removes the folder when it is cut', async () => {
    const plan = planOf('sleep 1000 & echo $! >> $PIDS; echo $$ >> $PIDS; wait');
    const lifeline = startLifeline(plan);
    const pids = await pidsIn(2);
    expect(pids.every(isAlive)).toBe(true);
    await lifeline.cut();
    await expect.poll(() => pids.some(isAlive)).toBe(false);
    expect(existsSync(plan.folder)).toBe(false);
    expect(existsSync(join(outside, 'farewell'))).toBe(true);
    await lifeline.cut();
  });

  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    'does the same if its owner is ended by %s',
    async signal => {
      const plan = planOf('echo $$ >> $PIDS; exec sleep 1000');
      const module = new URL('lifeline.ts', import.meta.url).href;
      const owner = spawn(process.execPath, [
        '--input-type=module',
        '--eval',
        `const { startLifeline } = await import(${JSON.stringify(module)});
       startLifeline(${JSON.stringify(plan)});
       setInterval(() => undefined, 1000);`,
      ]);
      onTestFinished(() => void owner.kill('SIGKILL'));
      const pids = await pidsIn(1);
      owner.kill(signal);
      await once(owner, 'exit');
      await expect.poll(() => pids.some(isAlive)).toBe(false);
      await expect.poll(() => existsSync(plan.folder)).toBe(false);
    },
  );

  it('does not keep its owner alive', async () => {
    const plan = planOf('exec sleep 1000');
    const module = new URL('lifeline.ts', import.meta.url).href;
    const code = `(await import(${JSON.stringify(module)})).startLifeline(${JSON.stringify(plan)});`;
    const owner = spawn(process.execPath, ['--input-type=module', '--eval', code]);
    onTestFinished(() => void owner.kill('SIGKILL'));
    const [exitCode] = (await once(owner, 'exit')) as [number | null];
    expect(exitCode).toBe(0);
    await expect.poll(() => existsSync(plan.folder)).toBe(false);
  });

  it('ends when one of its processes does, and reports its output', async () => {
    const plan = planOf('echo the port is taken >&2; exit 3');
    const { ended } = startLifeline(plan);
    if (!ended.aborted) await once(ended, 'abort');
    expect(String(ended.reason)).toMatch(/exit code 3[^]*the port is taken/);
    expect(existsSync(plan.folder)).toBe(false);
  });

  it('reports a missing program', async () => {
    const plan = planOf('exit');
    const { ended } = startLifeline({
      ...plan,
      processes: [{ command: '/no/such/program', args: [], env: {} }],
    });
    if (!ended.aborted) await once(ended, 'abort');
    expect(String(ended.reason)).toMatch(/no\/such\/program ENOENT/);
  });

  /** A plan with a shell command and a process that only waits. The shell writes pids to the file `$PIDS`. */
  function planOf(command: string): LifelinePlan {
    const env = { PATH: process.env.PATH ?? '', PIDS: join(outside, 'pids') };
    const folder = mkdtempSync(join(outside, 'folder-'));
    return {
      processes: [
        { command: 'sleep', args: ['1000'], env },
        { command: '/bin/sh', args: ['-c', command], env },
      ],
      farewell: [{ command: 'touch', args: [join(outside, 'farewell')] }],
      log: join(folder, 'log'),
      folder,
    };
  }

  async function pidsIn(count: number): Promise<number[]> {
    const file = join(outside, 'pids');
    const pids = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : []);
    await expect.poll(pids).toHaveLength(count);
    return pids();
  }
});

/** Whether a process is alive. A zombie is not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}
