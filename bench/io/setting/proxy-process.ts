// The Taskcluster proxy of a run in a process of its own, which tells its parent how much memory it needs.
import { Secret } from '../../../src/base/index.ts';
import { startProxy } from '../../../src/worker/features/proxy/proxy.ts';

const [, , rootUrl = ''] = process.argv;
const LOOK_EVERY_MS = 20;

const proxy = await startProxy({
  rootUrl,
  address: '127.0.0.1',
  names: ['localhost'],
  port: 0,
  version: 'benchmark',
  credentials: () => ({ clientId: 'task/of/benchmark', accessToken: new Secret('x'.repeat(44)) }),
  authorizedScopes: ['project:a', 'project:b'],
});
proxy.serve({ by: 'connection', isPeer: () => Promise.resolve(true) });
let most = 0;
setInterval(() => {
  most = Math.max(most, process.memoryUsage.rss());
}, LOOK_EVERY_MS);
/** Asked for memory, it tells the most since the last time, in millions of bytes. */
process.on('message', () => {
  process.send?.({ mostMb: Math.max(most, process.memoryUsage.rss()) / 1e6 });
  most = 0;
});
process.once('disconnect', () => process.exit());
process.send?.(`http://127.0.0.1:${proxy.port}`);
