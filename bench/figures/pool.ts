import { burst, idle, oneTask, type Wait } from '../setting/sample.ts';
import type { Setting } from '../setting/setting.ts';
import { startWorkers, type Contender } from '../setting/workers.ts';
import type { Figure } from './figure.ts';
import { waitRows } from './wait-rows.ts';

const WORKERS = { count: 4, capacity: 4 };
const BURST = 8;
const SIZES = {
  quick: { bursts: { tcw: 3, baseline: 2 }, backlog: 24, after: { tcw: 6, baseline: 2 } },
  full: { bursts: { tcw: 25, baseline: 12 }, backlog: 200, after: { tcw: 60, baseline: 25 } },
};

interface Waits {
  readonly bursts: Wait[];
  readonly afterBacklog: Wait[];
}

/** Four workers with four slots each: bursts of tasks, and single tasks after a backlog was worked off. */
export const pool: Figure = {
  name: 'pool',
  async measure(setting) {
    const { backlog } = sizes(setting);
    const tcw = await measureKind(setting, 'tcw');
    const baseline = await measureKind(setting, 'baseline');
    const { count, capacity } = WORKERS;
    const inBursts = `${count} workers of capacity ${capacity}, bursts of ${BURST}`;
    const afterBacklog = `after a backlog of ${backlog} has drained`;
    return [
      ...waitRows(inBursts, tcw.bursts, baseline.bursts, { median: { atMost: 40 } }),
      ...waitRows(afterBacklog, tcw.afterBacklog, baseline.afterBacklog, { median: { atMost: 40 } }),
    ];
  },
};

async function measureKind(setting: Setting, kind: Contender): Promise<Waits> {
  const { bursts, backlog, after } = sizes(setting);
  const waits: Waits = { bursts: [], afterBacklog: [] };
  await using workers = await startWorkers(setting, kind, WORKERS);
  setting.say(`pool: ${kind}, ${bursts[kind]} bursts`);
  for (let round = 0; round < bursts[kind]; round++) {
    await idle(kind);
    waits.bursts.push(...(await burst(setting, workers, BURST)));
  }
  setting.say(`pool: ${kind}, a backlog of ${backlog}`);
  await burst(setting, workers, backlog);
  for (let sample = 0; sample < after[kind]; sample++) {
    await idle(kind);
    waits.afterBacklog.push(await oneTask(setting, workers));
  }
  return waits;
}

function sizes({ quick }: Setting): (typeof SIZES)['quick'] {
  return quick ? SIZES.quick : SIZES.full;
}
