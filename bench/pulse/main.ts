// `npm run bench:pulse`: compares tcw/pulse with other libraries for RabbitMQ. docs/pulse/benchmarks.md describes the
// method.
import { runBenchmark } from '../command.ts';
import { describeMachine } from '../report/machine.ts';
import { consume } from './figures/consume.ts';
import { latency } from './figures/latency.ts';
import { memory } from './figures/memory.ts';
import { publish } from './figures/publish.ts';
import { reconnect } from './figures/reconnect.ts';
import { start } from './figures/start.ts';
import { withPulseSetting } from './setting.ts';

await runBenchmark({
  script: 'bench:pulse',
  figures: [consume, publish, latency, memory, start, reconnect],
  withSetting: withPulseSetting,
  describe: ({ url }) => describeMachine(url),
});
