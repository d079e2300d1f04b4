// `npm run bench:fleet`: measures the combined cost of many workers. docs/fleet.md has the method and the results.
import { runBenchmark } from '../command.ts';
import { describeMachine } from '../report/machine.ts';
import { load } from './figures/load.ts';
import { preemption } from './figures/preemption.ts';
import { restart } from './figures/restart.ts';
import { site } from './figures/site.ts';
import { withSetting } from './setting.ts';

await runBenchmark({
  script: 'bench:fleet',
  figures: [load, site, restart, preemption],
  hasWorkers: true,
  withSetting,
  describe: ({ broker }) => describeMachine(broker.pulseUrl),
});
