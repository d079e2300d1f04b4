import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bin, cleanEnvironment } from '../cli/tcw.ts';
import { queueForWorkers } from '../cli/workers.ts';
import { waitFor } from '../wait-for.ts';

// Every process of the worker's user may send it SIGUSR1, which opens Node's debugger by default: whoever connects to
// that reads the worker's tokens and runs code in it.
let here: Awaited<ReturnType<typeof queueForWorkers>>;
beforeEach(async () => {
  here = await queueForWorkers();
});
afterEach(() => here.close());

describe.runIf(process.platform === 'linux')('SIGUSR1', () => {
  it.each([
    ['tcw', [bin]],
    ['node bin/tcw.js', [process.execPath, bin]],
  ])('opens no debugger of %s from its start on, and ends nothing', async (_, program) => {
    // Only its parent can keep a signal from ending a program before the program's first line.
    const ignoring = `trap '' USR1; echo ready; exec "$@"`;
    const child = spawn('sh', ['-c', ignoring, 'sh', ...program, ...here.words('--worker-id=w')], {
      env: { ...cleanEnvironment(), ...here.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const pid = child.pid ?? 0;
    let said = '';
    child.stderr.on('data', chunk => (said += String(chunk)));
    await once(child.stdout, 'data');
    const attack = setInterval(() => child.kill('SIGUSR1'), 1);
    try {
      await waitFor(() => {
        expect(said).toContain('"worker listening"');
      });
      expect(listenersOf(pid)).toEqual([]);
      await here.reaches(await here.create('true'), 'completed');
      expect(listenersOf(pid)).toEqual([]);
      expect(child.exitCode).toBe(null);
    } finally {
      clearInterval(attack);
      child.kill('SIGKILL');
    }
  });

  it('opens no debugger when it is sent later', async () => {
    const worker = here.start();
    await worker.says('worker listening');
    for (let i = 0; i < 100; i++) worker.child.kill('SIGUSR1');
    await here.reaches(await here.create('true'), 'completed');
    expect(listenersOf(worker.child.pid ?? 0)).toEqual([]);
  });
});

/** The addresses at which a process listens, as /proc writes them. */
function listenersOf(pid: number): string[] {
  const open = new Set(
    readdirSync(`/proc/${pid}/fd`).map(fd => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    }),
  );
  return ['tcp', 'tcp6']
    .flatMap(kind => readFileSync(`/proc/${pid}/net/${kind}`, 'latin1').split('\n').slice(1))
    .map(line => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && open.has(`socket:[${inode}]`))
    .map(([, address = '']) => address);
}
