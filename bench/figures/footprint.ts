import { setTimeout as sleep } from 'node:timers/promises';
import { rowOf } from '../report/row.ts';
import { residentMb } from '../setting/processes.ts';
import { oneTask } from '../setting/sample.ts';
import type { Setting } from '../setting/setting.ts';
import { startWorkers } from '../setting/workers.ts';
import type { Figure } from './figure.ts';

const SIZES = { quick: { starts: 2, tasks: 4 }, full: { starts: 10, tasks: 25 } };
/** Until what starting, or a task, left behind has settled. */
const SETTLE_MS = 500;

/** What a worker costs by itself: the time to start it, the wait of its first task, its memory. */
export const footprint: Figure = {
  name: 'footprint',
  async measure(setting) {
    const { starts, tasks } = setting.quick ? SIZES.quick : SIZES.full;
    const costs: Costs[] = [];
    setting.say(`footprint: ${starts} workers, one after the other`);
    for (let start = 0; start < starts; start++) costs.push(await costsOfOne(setting, tasks));
    const all = (of: keyof Costs) => costs.map(cost => cost[of]);
    return [
      rowOf('median', { figure: 'tcw run: from its start until it is consuming', samples: all('startupMs') }),
      rowOf('median', {
        figure: 'tcw run: createTask received → claimed, its first task',
        samples: all('firstWaitMs'),
      }),
      rowOf('median', { figure: 'tcw run: resident memory, new', unit: 'MB', samples: all('newMb') }),
      rowOf('median', {
        figure: `tcw run: resident memory, after ${tasks} tasks`,
        unit: 'MB',
        samples: all('usedMb'),
      }),
    ];
  },
};

interface Costs {
  readonly startupMs: number;
  readonly firstWaitMs: number;
  readonly newMb: number;
  readonly usedMb: number;
}

async function costsOfOne(setting: Setting, tasks: number): Promise<Costs> {
  await using workers = await startWorkers(setting, 'tcw', { count: 1, capacity: 1, cold: true });
  await sleep(SETTLE_MS);
  const newMb = await residentMb(workers.pids);
  const { fromRequest } = await oneTask(setting, workers);
  for (let task = 1; task < tasks; task++) await oneTask(setting, workers);
  await sleep(SETTLE_MS);
  return {
    startupMs: Math.max(...workers.startupMs),
    firstWaitMs: fromRequest,
    newMb,
    usedMb: await residentMb(workers.pids),
  };
}
