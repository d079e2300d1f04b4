import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { killFromOutside } from '../../src/worker/engines/native/pid-namespace/outside-kill.ts';
import { startOf } from '../../src/worker/engines/processes/index.ts';

it.skipIf(process.platform !== 'linux')(
  'kills the first process of a namespace, but not a later process with the same pid',
  async () => {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = once(child, 'exit');
    const init = child.pid ?? 0;
    // Long enough for a few checks.
    await killFromOutside({ name: 'pid:[1]', init, initStarted: '1' }, sleep(500));
    expect(startOf(init)).toBeDefined();

    await killFromOutside({ name: 'pid:[1]', init, initStarted: startOf(init) }, ended);
    expect(child.signalCode).toBe('SIGKILL');
  },
);
