import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { rowOf } from '../report/row.ts';
import { endChild, firstMessage, startNode } from '../setting/children.ts';
import { nowMs } from '../setting/clock.ts';
import { residentMb } from '../setting/processes.ts';
import { oneTask } from '../setting/sample.ts';
import type { Setting } from '../setting/setting.ts';
import { startWorkers } from '../setting/workers.ts';
import type { Figure } from './figure.ts';

const SIZES = { quick: { starts: 2, tasks: 4 }, full: { starts: 10, tasks: 200 } };
/** The time in which the effects of a start or of a task settle. */
const SETTLE_MS = 500;
const IMPORTS = fileURLToPath(new URL('../bare-imports-process.ts', import.meta.url));

/** The cost of a single worker: the time to start it, the wait of its first task, its memory. */
export const footprint: Figure = {
  name: 'footprint',
  async measure(setting) {
    const { starts, tasks } = setting.quick ? SIZES.quick : SIZES.full;
    setting.say(`footprint: ${starts} workers, one after the other`);
    const bare: number[] = [];
    const imports: Pick<Costs, 'startupMs' | 'newMb'>[] = [];
    const costs: Costs[] = [];
    for (let start = 0; start < starts; start++) {
      bare.push(await bareNodeMb());
      imports.push(await costsOfImports());
      costs.push(await costsOfOne(setting, tasks));
    }
    const all = (of: keyof Costs) => costs.map(cost => cost[of]);
    return [
      rowOf(
        'median',
        {
          figure: 'tcw run: from its start until it is consuming, beside a Node that imports its packages',
          samples: all('startupMs'),
          baseline: imports.map(({ startupMs }) => startupMs),
        },
        { ratioAtLeast: 0.4 },
      ),
      rowOf('median', {
        figure: 'tcw run: createTask received → claimed, its first task',
        samples: all('firstWaitMs'),
      }),
      rowOf(
        'median',
        {
          figure: 'tcw run: resident memory, new, beside bare Node',
          unit: 'MB',
          samples: all('newMb'),
          baseline: bare,
        },
        { ratioAtLeast: 0.5 },
      ),
      rowOf('median', {
        figure: 'tcw run: resident memory, new, beside a Node that imports its packages',
        unit: 'MB',
        samples: all('newMb'),
        baseline: imports.map(({ newMb }) => newMb),
      }),
      rowOf('median', {
        figure: `tcw run: resident memory, after ${tasks} tasks, beside bare Node`,
        unit: 'MB',
        samples: all('usedMb'),
        baseline: bare,
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
  await using workers = await startWorkers(setting, 'tcw', { count: 1, capacity: 1 });
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

async function costsOfImports(): Promise<Pick<Costs, 'startupMs' | 'newMb'>> {
  const startedMs = nowMs();
  const child = startNode([IMPORTS], {}, ['ignore', 'ignore', 'inherit', 'ipc']);
  await firstMessage(child, message => (message === 'ready' ? true : undefined));
  const startupMs = nowMs() - startedMs;
  await sleep(SETTLE_MS);
  const newMb = await residentMb([child.pid ?? 0]);
  await endChild(child);
  return { startupMs, newMb };
}

/** Returns the memory of a Node process that does nothing. */
async function bareNodeMb(): Promise<number> {
  const child = startNode(['-e', 'process.stdin.resume()'], {}, ['pipe', 'ignore', 'inherit']);
  await sleep(SETTLE_MS);
  const megabytes = await residentMb([child.pid ?? 0]);
  await endChild(child);
  return megabytes;
}
