// The benchmark of `npm run bench:engines`, run where the Docker engine is.
import { runBenchmark } from '../command.ts';
import { describeMachineWith } from '../report/machine.ts';
import { artifact } from './figures/artifact.ts';
import { atOnce } from './figures/at-once.ts';
import { cancel } from './figures/cancel.ts';
import { images } from './figures/images.ts';
import { output } from './figures/output.ts';
import { processes } from './figures/processes.ts';
import { start } from './figures/start.ts';
import { withEngine, type EngineSetting } from './setting/setting.ts';

await runBenchmark<EngineSetting>({
  script: 'bench:engines',
  figures: [start, processes, cancel, output, artifact, atOnce, images],
  withSetting: withEngine,
  describe: async ({ engine }) => describeMachineWith({ docker: engine.version.engine }),
});
