// The Taskcluster proxy of a run in its own process, which reports its memory use to the parent.
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
/** On each message, reports the highest memory use since the last report, in millions of bytes. */
process.on('message', () => {
  process.send?.({ mostMb: Math.max(most, process.memoryUsage.rss()) / 1e6 });
  most = 0;
});
process.once('disconnect', () => process.exit());
process.send?.(`http://127.0.0.1:${proxy.port}`);
