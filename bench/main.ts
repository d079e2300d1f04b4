// `npm run bench`: measures tcw's promises about its speed. docs/benchmarks.md describes the method.
import { runBenchmark } from './command.ts';
import { breakdown } from './figures/breakdown.ts';
import { broker } from './figures/broker.ts';
import { cancel } from './figures/cancel.ts';
import { claimCalls } from './figures/claim-calls.ts';
import { endurance } from './figures/endurance.ts';
import { failedClaims } from './figures/failed-claims.ts';
import { fleet } from './figures/fleet.ts';
import { footprint } from './figures/footprint.ts';
import { liveLog } from './figures/live-log.ts';
import { shell } from './figures/shell.ts';
import { log } from './figures/log.ts';
import { pool } from './figures/pool.ts';
import { idleHour } from './figures/idle-hour.ts';
import { single } from './figures/single.ts';
import { spotNotice } from './figures/spot-notice.ts';
import { throughput } from './figures/throughput.ts';
import type { Figure } from './figures/figure.ts';
import { describeMachine } from './report/machine.ts';
import { withSetting } from './setting/setting.ts';

const FIGURES: readonly Figure[] = [
  single,
  pool,
  claimCalls,
  failedClaims,
  cancel,
  spotNotice,
  log,
  liveLog,
  shell,
  footprint,
  breakdown,
  throughput,
  endurance,
  fleet,
  broker,
  idleHour,
];

await runBenchmark({
  script: 'bench',
  figures: FIGURES,
  withSetting,
  describe: ({ pulseUrl }) => describeMachine(pulseUrl),
});
