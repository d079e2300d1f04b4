import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { buffer } from 'node:stream/consumers';
import type { Figure } from '../../figures/figure.ts';
import { row, rowOf } from '../../report/row.ts';
import { median } from '../../report/statistics.ts';
import { endChild, firstMessage, startNode, WORKER_FLAGS } from '../../setting/children.ts';
import { nowMs } from '../../setting/clock.ts';
import { timedShell } from '../setting/shell.ts';
import { startStore } from '../setting/store.ts';

const SIZES = {
  quick: { calls: 200, bytes: 200e6, rounds: 2 },
  full: { calls: 2_000, bytes: 1e9, rounds: 5 },
};
const SCRIPT = fileURLToPath(new URL('../setting/proxy-process.ts', import.meta.url));

/** The Taskcluster proxy: the time that it adds to a call, and a large body through it. */
export const proxy: Figure = {
  name: 'proxy',
  async measure(setting) {
    const { calls, bytes, rounds } = setting.quick ? SIZES.quick : SIZES.full;
    setting.say(`proxy: ${calls} calls, and ${bytes / 1e6} MB, ${rounds} times`);
    await using service = await startStore();
    await using stack = new AsyncDisposableStack();
    const child = startNode([...WORKER_FLAGS, SCRIPT, service.url], {}, [
      'ignore',
      'inherit',
      'inherit',
      'ipc',
    ]);
    stack.defer(() => endChild(child));
    const url = await firstMessage(child, message => (typeof message === 'string' ? message : undefined));
    const mostMb = () => {
      child.send('memory?');
      return firstMessage(child, message => (message as { mostMb?: number }).mostMb);
    };
    const agent = new http.Agent({ keepAlive: true });
    stack.defer(() => {
      agent.destroy();
    });
    const path = '/api/queue/v1/ping';
    const through: number[] = [];
    const direct: number[] = [];
    for (let call = 0; call < calls; call++) {
      through.push(await timedGet(`${url}${path}`, agent));
      direct.push(await timedGet(`${service.url}${path}`, agent));
    }
    const usual = await mostMb();
    const large = `/api/queue/v1/bytes/${bytes}`;
    const samples: number[] = [];
    const baseline: number[] = [];
    for (let round = 0; round < rounds; round++) {
      samples.push(await timedShell(`curl -sSf -o /dev/null ${url}${large}`));
      baseline.push(await timedShell(`curl -sSf -o /dev/null ${service.url}${large}`));
    }
    const figure = `${bytes / 1e6} MB through the proxy`;
    return [
      row('proxy: latency it adds, median', 'ms', median(through) - median(direct), undefined, { atMost: 3 }),
      rowOf('median', { figure: `${figure}, beside direct`, samples, baseline }, { ratioAtLeast: 0.8 }),
      row(`${figure}: growth of memory`, 'MB', (await mostMb()) - usual, undefined, { atMost: 60 }),
    ];
  },
};

async function timedGet(url: string, agent: http.Agent): Promise<number> {
  const startedMs = nowMs();
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  http.get(url, { agent }, resolve).on('error', reject);
  const response = await promise;
  if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode}`);
  await buffer(response);
  return nowMs() - startedMs;
}
