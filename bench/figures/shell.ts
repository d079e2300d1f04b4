import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { shellInput } from '../../src/taskcluster/index.ts';
import { openExposure, configuredMethod } from '../../src/worker/exposure/index.ts';
import { Shells } from '../../src/worker/features/interactive/shells.ts';
import { nativeEngine } from '../../src/worker/engines/native/index.ts';
import { makeRunFolder } from '../../src/worker/files/run-folder.ts';
import { row, type Row } from '../report/row.ts';
import { median, quantile } from '../report/statistics.ts';
import type { Figure } from './figure.ts';

const KEYS = { quick: 200, full: 1_000 };
/** One key at a time, faster than a person types. */
const KEY = 'x';

/** The delay until a key typed in an interactive shell is echoed, through the websocket and the terminal and back. */
export const shell: Figure = {
  name: 'shell',
  async measure(setting): Promise<Row[]> {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'tcw-bench-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const engine = await nativeEngine();
    stack.defer(() => engine.close?.());
    const sandbox = await engine.open({ home: await makeRunFolder(join(folder, 'run')) });
    stack.defer(() => sandbox.close());
    const way = configuredMethod({ publicIP: '127.0.0.1', livelogExposePort: 0, maxTaskRunTime: 60 });
    const exposure = stack.use(openExposure(way));
    const shells = stack.use(new Shells(sandbox, { PATH: '/usr/bin:/bin' }));
    const { url } = stack.use(await exposure.open('shell', shells));
    const opening = performance.now();
    const socket = new WebSocket(url.replace('http', 'ws'));
    stack.defer(() => socket.terminate());
    await once(socket, 'open');
    socket.send(shellInput(Buffer.from('stty -icanon; exec cat >/dev/null\n')));
    await shows(socket, 'cat');
    const openMs = performance.now() - opening;
    await new Promise(resolve => setTimeout(resolve, 500));
    const ms: number[] = [];
    for (let key = 0; key < (setting.quick ? KEYS.quick : KEYS.full); key++) {
      const typed = performance.now();
      const seen = shows(socket, KEY);
      socket.send(shellInput(Buffer.from(KEY)));
      await seen;
      ms.push(performance.now() - typed);
    }
    const figure = 'interactive shell: a key typed → its echo, direct';
    return [
      row(`${figure}, median`, 'ms', median(ms), undefined, { atMost: 10 }),
      row(`${figure}, p99`, 'ms', quantile(ms, 0.99), undefined),
      row('interactive shell: connected → the first echo', 'ms', openMs, undefined),
    ];
  },
};

async function shows(socket: WebSocket, text: string): Promise<void> {
  for (;;) {
    const [data] = (await once(socket, 'message')) as [Buffer];
    if (data.includes(text)) return;
  }
}
