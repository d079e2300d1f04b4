import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { dockerEngine } from '../../../src/worker/engines/docker/index.ts';
import { row, rowOf } from '../../report/row.ts';
import { distribution } from '../../report/statistics.ts';
import { benchImage, type EngineFigure } from '../setting/setting.ts';
import { newTasksDir, startBenchWorker } from '../setting/worker.ts';

const SIZES = { quick: { bytes: 20e6, rounds: 3 }, full: { bytes: 200e6, rounds: 15 } };
/** A line in the log of a task whose image is downloaded or loaded into the engine. */
const TRANSFER = /\[image\] (Downloading|Loading)/;

/** An image from another task's artifact: the first start and later starts, compared with an image by name. */
export const images: EngineFigure = {
  name: 'images',
  async measure(setting) {
    const { bytes, rounds } = setting.quick ? SIZES.quick : SIZES.full;
    const { client, host, folder } = setting;
    const logs = new Map<string, string>();
    await using worker = await startBenchWorker(await dockerEngine({ host }), {
      tasksDir: newTasksDir(folder),
      onLog: (taskId, chunk) => logs.set(taskId, `${logs.get(taskId) ?? ''}${chunk.toString()}`),
    });
    await using stack = new AsyncDisposableStack();
    setting.say(`images: making one of ${bytes / 1e6} MB`);
    const content = { name: 'content', content: randomBytes(bytes) };
    const image = await benchImage(client, stack, { entries: [content] });
    const { body } = await client.stream({ method: 'GET', path: `/images/${image.name}/get` });
    const archive = { name: 'image.tar', content: await buffer(body) };
    const maker = await benchImage(client, stack, { entries: [archive] });
    const makerId = await worker.createTask({
      image: maker.name,
      command: ['true'],
      artifacts: { 'public/image.tar': { type: 'file', path: '/image.tar' } },
    });
    await worker.phaseMs(makerId, 'resolved');

    const start = async (image: string | object) => {
      const taskId = await worker.createTask({ image, command: ['echo', 'first'] });
      const claimedMs = await worker.phaseMs(taskId, 'claimed');
      const firstMs = await worker.firstOutputMs(taskId);
      await worker.phaseMs(taskId, 'resolved');
      return { ms: firstMs - claimedMs, isTransfer: TRANSFER.test(logs.get(taskId) ?? '') };
    };
    const loaded = { type: 'task-image', taskId: makerId, path: 'public/image.tar' };
    const first = await start(loaded);
    if (!first.isTransfer) throw new Error('the first start of a task-image told of no transfer');
    const samples: number[] = [];
    const baseline: number[] = [];
    let transfers = 0;
    for (let round = 1; round <= rounds; round++) {
      if (round % 10 === 1) setting.say(`images: round ${round} of ${rounds}`);
      const again = await start(loaded);
      samples.push(again.ms);
      if (again.isTransfer) transfers++;
      baseline.push((await start(image.name)).ms);
    }
    const figure = `docker: task-image of ${bytes / 1e6} MB, claimed → first output`;
    const beyond = distribution(samples).median - distribution(baseline).median;
    return [
      row(`${figure}: its first start`, 'ms', first.ms, undefined),
      rowOf('median', { figure: `${figure}: later starts, beside an image by name`, samples, baseline }),
      row(`${figure}: later starts beyond an image by name, of medians`, 'ms', beyond, undefined, {
        atMost: 20,
      }),
      row(`${figure}: transfers at later starts`, 'times', transfers, undefined, { atMost: 0 }),
    ];
  },
};
