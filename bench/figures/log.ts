import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { row, rowOf, type Row } from '../report/row.ts';
import { median } from '../report/statistics.ts';
import { startNode } from '../setting/children.ts';
import { residentMb } from '../setting/processes.ts';
import { oneTask } from '../setting/sample.ts';
import type { Setting } from '../setting/setting.ts';
import { startWorkers } from '../setting/workers.ts';
import type { LogSample } from '../setting/log-process.ts';
import type { Figure } from './figure.ts';

const SIZES = {
  quick: { bytes: 100e6, rounds: 2, workers: 1, warmUps: 4 },
  full: { bytes: 1e9, rounds: 5, workers: 3, warmUps: 25 },
};
const LOOK_EVERY_MS = 50;
const LINE = 'build/objects/some/file/of/a/program.o: compiled in 12.345 s, with 0 warnings and 0 errors';

/**
 * A task that prints as fast as it can, through the secret filter into its log, compared with a bare pipe to a file.
 */
export const log: Figure = {
  name: 'log',
  async measure(setting): Promise<Row[]> {
    const { bytes, rounds } = setting.quick ? SIZES.quick : SIZES.full;
    const command = ['sh', '-c', `yes '${LINE}' | head -c ${bytes}`];
    const folder = join(setting.folder, 'log');
    await mkdir(folder);
    setting.say(`log: ${bytes / 1e6} MB, ${rounds} times`);
    const samples: LogSample[] = [];
    const script = fileURLToPath(new URL('../setting/log-process.ts', import.meta.url));
    const child = startNode([script, folder, String(rounds), ...command], {}, [
      'ignore',
      'inherit',
      'inherit',
      'ipc',
    ]);
    child.on('message', message => samples.push(message as LogSample));
    await once(child, 'exit');
    if (samples.length < rounds) throw new Error('the process that prints has ended early');
    const figure = `a task printing ${bytes / 1e6} MB into its log, beside a bare pipe to a file`;
    const times = {
      figure,
      samples: samples.map(({ ownMs }) => ownMs),
      baseline: samples.map(({ pipeMs }) => pipeMs),
    };
    return [
      rowOf('median', times),
      row(
        `${figure}: speed, of the pipe's`,
        'times',
        median(times.baseline) / median(times.samples),
        undefined,
        { atLeast: 0.7 },
      ),
      rowOf(
        'median',
        {
          figure: `tcw run: growth of resident memory, most of it, while a task prints ${bytes / 1e6} MB`,
          unit: 'MB',
          samples: await growth(setting, command),
        },
        { atMost: 20 },
      ),
    ];
  },
};

/**
 * Returns the largest growth in memory, in MB, of a worker that has already run some tasks, while a task prints and its
 * log is uploaded.
 */
async function growth(setting: Setting, command: readonly string[]): Promise<number[]> {
  const { workers: count, warmUps } = setting.quick ? SIZES.quick : SIZES.full;
  const samples: number[] = [];
  for (let worker = 0; worker < count; worker++) {
    setting.say(`log: memory of a worker, ${worker + 1} of ${count}`);
    await using workers = await startWorkers(setting, 'tcw', { count: 1, capacity: 1 });
    for (let task = 0; task < warmUps; task++) await oneTask(setting, workers);
    const before = await residentMb(workers.pids);
    const taskId = await setting.queue.createTask(workers.pool, command);
    let most = before;
    const done = setting.queue.moment('completed', taskId).then(() => true);
    while (!(await Promise.race([done, sleep(LOOK_EVERY_MS, false)]))) {
      most = Math.max(most, await residentMb(workers.pids));
    }
    samples.push(most - before);
  }
  return samples;
}
