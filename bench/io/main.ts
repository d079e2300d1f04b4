// `npm run bench:io`: measures how fast tcw transfers logs, artifacts and mounts, compared with common programs.
// docs/benchmarks.md describes the method.
import { runBenchmark } from '../command.ts';
import { single } from '../figures/single.ts';
import type { Figure } from '../figures/figure.ts';
import { describeMachine } from '../report/machine.ts';
import { withSetting } from '../setting/setting.ts';
import { caches } from './figures/caches.ts';
import { download } from './figures/download.ts';
import { largeArtifact } from './figures/large-artifact.ts';
import { manyArtifacts } from './figures/many-artifacts.ts';
import { masking } from './figures/masking.ts';
import { output } from './figures/output.ts';
import { proxy } from './figures/proxy.ts';
import { smallArtifacts } from './figures/small-artifacts.ts';
import { unpack } from './figures/unpack.ts';

const FIGURES: readonly Figure[] = [
  output,
  smallArtifacts,
  largeArtifact,
  manyArtifacts,
  unpack,
  download,
  caches,
  proxy,
  masking,
  single,
];

await runBenchmark({
  script: 'bench:io',
  figures: FIGURES,
  withSetting,
  describe: ({ pulseUrl }) => describeMachine(pulseUrl),
});
