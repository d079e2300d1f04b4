import { dockerEngine } from '../../../src/worker/engines/docker/index.ts';
import { rowOf } from '../../report/row.ts';
import { grownUp, msToDeath } from '../../setting/processes.ts';
import { randomPause } from '../../setting/setting.ts';
import type { EngineFigure, EngineSetting } from '../setting/setting.ts';
import { newTasksDir, startBenchWorker, type BenchWorker } from '../setting/worker.ts';

const SAMPLES = { quick: { few: 4, many: 2 }, full: { few: 30, many: 12 } };
/** The number of sleeping processes in each container, and the command that starts them. They end on SIGTERM. */
const ONE = { sleepers: 1, command: ['sleep', '1000'] };
const CROWD = {
  sleepers: 200,
  command: ['sh', '-c', 'i=0; while [ $i -lt 200 ]; do sleep 1000 & i=$((i+1)); done; wait'],
};
const GROWING_UP_MS = 60_000;
/** The largest delay with which a death is noticed. */
const WATCH_EVERY_MS = 0.5;

/** Cancels a task in a container. A thread watches its processes in `/proc` until all are dead. */
export const cancel: EngineFigure = {
  name: 'cancel',
  async measure(setting) {
    const samples = setting.quick ? SAMPLES.quick : SAMPLES.full;
    await using worker = await startBenchWorker(await dockerEngine({ host: setting.host }), {
      tasksDir: newTasksDir(setting.folder),
    });
    const sampled = async (family: typeof ONE, times: number) => {
      setting.say(`cancel: ${family.sleepers} in the container, ${times} times`);
      const waits: number[] = [];
      for (let sample = 0; sample < times; sample++) waits.push(await cancelOne(setting, worker, family));
      return waits;
    };
    const few = await sampled(ONE, samples.few);
    const many = await sampled(CROWD, samples.many);
    const figure = 'docker: cancelTask sent → every process of the container dead';
    return [
      rowOf('median', { figure, samples: few }),
      rowOf('p90', { figure, samples: few }, { atMost: 150 }),
      rowOf('p90', { figure: `${figure}, 200 of them`, samples: many }, { atMost: 300 }),
    ];
  },
};

async function cancelOne(
  { image }: EngineSetting,
  worker: BenchWorker,
  { command, sleepers }: typeof ONE,
): Promise<number> {
  const taskId = await worker.createTask({ image: image.name, command });
  await worker.phaseMs(taskId, 'running');
  await grownUp(taskId, sleepers, GROWING_UP_MS);
  await randomPause(30, 90);
  const members = await grownUp(taskId, sleepers, GROWING_UP_MS);
  const waitMs = await msToDeath(taskId, members, WATCH_EVERY_MS, () => worker.cancelTask(taskId));
  await worker.phaseMs(taskId, 'resolved');
  return waitMs;
}
