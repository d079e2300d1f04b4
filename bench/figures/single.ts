import { idle, oneTask, type Wait } from '../setting/sample.ts';
import { randomPause, type Setting } from '../setting/setting.ts';
import { startWorkers, type Workers } from '../setting/workers.ts';
import type { Figure } from './figure.ts';
import { waitRows } from './wait-rows.ts';

const ROUNDS = { quick: 2, full: 20 };
/** The number of measurements of tcw in a round. */
const TURNS = 10;
/** The number of baseline pools that are measured at once in a round. They mostly sleep. */
const BASELINES = 5;

interface Waits {
  readonly idle: Wait[];
  readonly afterTask: Wait[];
}

/**
 * One worker with one slot: a task for an idle worker, and a task within 100 ms of the report of another. The two kinds
 * take turns, so that both run under the same conditions.
 */
export const single: Figure = {
  name: 'single',
  async measure(setting) {
    const rounds = setting.quick ? ROUNDS.quick : ROUNDS.full;
    const own: Waits = { idle: [], afterTask: [] };
    const other: Waits = { idle: [], afterTask: [] };
    await using tcw = await startWorkers(setting, 'tcw', { count: 1, capacity: 1 });
    await using stack = new AsyncDisposableStack();
    const baselines = await Promise.all(
      Array.from({ length: BASELINES }, async () =>
        stack.use(await startWorkers(setting, 'baseline', { count: 1, capacity: 1 })),
      ),
    );
    for (let round = 1; round <= rounds; round++) {
      setting.say(`single: round ${round} of ${rounds}`);
      for (let turn = 0; turn < TURNS; turn++) await measureTwo(setting, tcw, own);
      await Promise.all(baselines.map(baseline => measureTwo(setting, baseline, other)));
    }
    return [
      ...waitRows('idle worker', own.idle, other.idle, {
        median: { atMost: 20, timesUnderBaseline: 25 },
        p90: { atMost: 40 },
      }),
      ...waitRows('right after a task has ended', own.afterTask, other.afterTask, {
        median: { atMost: 40 },
      }),
    ];
  },
};

async function measureTwo(setting: Setting, workers: Workers, into: Waits): Promise<void> {
  await idle(workers.kind);
  into.idle.push(await oneTask(setting, workers));
  await randomPause(0, 100);
  into.afterTask.push(await oneTask(setting, workers));
}
