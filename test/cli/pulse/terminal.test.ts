import { execFileSync, spawn } from 'node:child_process';
import { describe, expect, inject, it } from 'vitest';
import { atTheEnd, eventually, newName, ownExchange, ownQueue, pulse } from './setting.ts';

const TCW = inject('program');

/** util-linux's `script` gives a program a terminal; that of macOS has other flags. */
const hasScript = (() => {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux');
  } catch {
    return false;
  }
})();

/** `tcw pulse …` on a terminal with colours. */
function onTerminal(...words: string[]) {
  const line = [process.execPath, TCW, 'pulse', ...words, '-s', inject('pulseUrl')];
  // Ctrl-C goes to all that is in front: a shell that only waits would die of it, after the program has ended in order.
  const inFront = `exec ${line.map(word => `'${word}'`).join(' ')}`;
  const child = spawn('script', ['-qec', inFront, '/dev/null'], {
    // Of our own environment only what finds programs and files: any of NO_COLOR, FORCE_COLOR, CI
    // and TMUX changes what colours Node takes a terminal to have.
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TERM: 'xterm-256color',
      COLORTERM: 'truecolor',
    },
    stdio: 'pipe',
  });
  atTheEnd(() => child.kill('SIGKILL'));
  let shown = '';
  child.stdout.on('data', chunk => (shown += String(chunk)));
  return {
    shown: () => shown,
    type: (keys: string) => child.stdin.write(keys),
    ended: new Promise<number | null>(resolve => child.on('close', resolve)),
  };
}

describe.skipIf(!hasScript)('on a terminal', () => {
  it('listen prints colours and a status line, and ends with Ctrl-C', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const terminal = onTerminal('listen', exchange);
    await eventually(() => terminal.shown().includes('listening to'));
    await owner.publish(exchange, 'key', { id: 1 });
    await eventually(() => /K1 message, \d+\.\d\/s/.test(terminal.shown()));
    expect(terminal.shown()).toContain('\u001b[36m"routingKey"\u001b[39m:\u001b[32m"key"\u001b[39m');
    terminal.type('\u0003');
    expect(await terminal.ended).toBe(0);
    expect(terminal.shown().endsWith('\r\u001b[K')).toBe(true);
  });

  it('queue delete asks for confirmation', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const { name } = await ownQueue(exchange, owner, [{ id: 1 }]);
    for (const [answer, exitCode] of [
      ['n\r', 130],
      ['\u0003', 130],
      ['y\r', 0],
    ] as const) {
      const terminal = onTerminal('queue', 'delete', name);
      await eventually(() => terminal.shown().includes('[y/N]'));
      terminal.type(answer);
      expect(await terminal.ended).toBe(exitCode);
    }
    expect(await pulse(['queue', 'inspect', newName()])).toMatchObject({ exitCode: 64 });
    expect(await pulse(['queue', 'inspect', name])).toMatchObject({ exitCode: 64 });
  });
});
