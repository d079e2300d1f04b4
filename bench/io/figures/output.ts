import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Figure } from '../../figures/figure.ts';
import { rowOf } from '../../report/row.ts';
import { oneTask } from '../../setting/sample.ts';
import { startWorkers } from '../../setting/workers.ts';
import { writeText } from '../setting/files.ts';
import { timedShell } from '../setting/shell.ts';

const SIZES = { quick: { bytes: 100e6, rounds: 2 }, full: { bytes: 500e6, rounds: 7 } };
/** The size of the file that the text is printed from, which stays in memory. */
const FILE_BYTES = 20e6;

/** A task that prints, from its claim until it is resolved with its log uploaded, compared with `tee` and `gzip`. */
export const output: Figure = {
  name: 'output',
  async measure(setting) {
    const { bytes, rounds } = setting.quick ? SIZES.quick : SIZES.full;
    const folder = join(setting.folder, 'output');
    await mkdir(folder);
    const file = join(folder, 'text');
    const size = await writeText(file, FILE_BYTES);
    const print = `for turn in $(seq ${Math.round(bytes / size)}); do cat ${file}; done`;
    const samples: number[] = [];
    const baseline: number[] = [];
    await using workers = await startWorkers(setting, 'tcw', { count: 1, capacity: 1 });
    await oneTask(setting, workers);
    for (let round = 1; round <= rounds; round++) {
      setting.say(`output: round ${round} of ${rounds}`);
      const taskId = await setting.queue.createTask(workers.pool, ['sh', '-c', print]);
      const claimed = await setting.queue.moment('claimed', taskId);
      samples.push((await setting.queue.moment('completed', taskId)) - claimed);
      baseline.push(await timedShell(`cd ${folder}; (${print}) | tee log | gzip -6 > log.gz; rm log log.gz`));
    }
    const figure = `${bytes / 1e6} MB of output, claimed → resolved, beside \`command | tee log | gzip -6 > log.gz\``;
    return [rowOf('median', { figure, samples, baseline }, { ratioAtLeast: 1.2 })];
  },
};
