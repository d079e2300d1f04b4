import { randomInt } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { Engine } from '../../../src/worker/engines/engine.ts';
import { nativeEngine } from '../../../src/worker/engines/native/index.ts';
import { userEngine } from '../../../src/worker/engines/user/index.ts';
import { row, rowOf, type Row } from '../../report/row.ts';
import { distribution } from '../../report/statistics.ts';
import { randomPause } from '../../setting/setting.ts';
import type { EngineFigure } from '../setting/setting.ts';
import { newTasksDir, startBenchWorker, type BenchWorker } from '../setting/worker.ts';

const ROUNDS = { quick: 5, full: 60 };

/** The smallest task without a container, run as the worker's user and as a separate user, in turn. */
export const processes: EngineFigure = {
  name: 'processes',
  async measure(setting): Promise<Row[]> {
    const rounds = setting.quick ? ROUNDS.quick : ROUNDS.full;
    const own: number[] = [];
    const users: number[] = [];
    await using stack = new AsyncDisposableStack();
    const worker = async (tasksDir: string, engine: Engine) =>
      stack.use(await startBenchWorker(engine, { tasksDir }));
    const native = await worker(newTasksDir(setting.folder), await nativeEngine({ ahead: true }));
    const isRoot = process.getuid?.() === 0;
    if (!isRoot) setting.say('processes: without the engine "user", which needs root');
    const user = isRoot ? await userWorker(newTasksDir(setting.folder), worker) : undefined;
    for (let round = 0; round <= rounds; round++) {
      if (round % 20 === 1) setting.say(`processes: round ${round} of ${rounds}`);
      // The first task loads code.
      await oneTask(native, round === 0 ? [] : own);
      if (user) await oneTask(user, round === 0 ? [] : users);
    }
    const rows = [rowOf('median', { figure: 'native: claimed → first output', samples: own })];
    if (!user) return rows;
    const beyond = distribution(users).median - distribution(own).median;
    return [
      ...rows,
      rowOf('median', {
        figure: 'user: claimed → first output, beside native',
        samples: users,
        baseline: own,
      }),
      row('user: claimed → first output, beyond native, of medians', 'ms', beyond, undefined, { atMost: 15 }),
    ];
  },
};

async function userWorker(
  tasksDir: string,
  start: (tasksDir: string, engine: Engine) => Promise<BenchWorker>,
): Promise<BenchWorker> {
  await mkdir(tasksDir, { mode: 0o755 });
  // User IDs that no worker of the machine uses by default.
  const first = 1_000_000 + 1_000 * randomInt(1_000);
  return start(tasksDir, await userEngine({ tasksDir, userIds: `${first}-${first + 999}`, ahead: true }));
}

async function oneTask(worker: BenchWorker, into: number[]): Promise<void> {
  // By then, the folder and user for the next run have been prepared.
  await randomPause(100, 150);
  const taskId = await worker.createTask({ command: [['echo', 'first']] });
  const claimedMs = await worker.phaseMs(taskId, 'claimed');
  into.push((await worker.firstOutputMs(taskId)) - claimedMs);
  await worker.phaseMs(taskId, 'resolved');
}
