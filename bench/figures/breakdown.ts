import { rowOf } from '../report/row.ts';
import type { PhaseMessage } from '../setting/phases-process.ts';
import { idle, oneTask } from '../setting/sample.ts';
import { startWorkers } from '../setting/workers.ts';
import type { Figure } from './figure.ts';

const TASKS = { quick: 6, full: 60 };

/** The parts of a task of `true`, in order. Each part begins where the previous one ends. */
const PARTS = ['claim', 'prepare', 'run', 'upload', 'resolve', 'clean-up'] as const;

/**
 * The time that each part of an empty task takes, measured by the worker, and by the queue for the response to the
 * report.
 */
export const breakdown: Figure = {
  name: 'breakdown',
  async measure(setting) {
    const tasks = setting.quick ? TASKS.quick : TASKS.full;
    const began = new Map<string, PromiseWithResolvers<number>>();
    const beginning = (taskId: string, phase: string) => {
      const key = `${taskId} ${phase}`;
      const known = began.get(key) ?? Promise.withResolvers<number>();
      began.set(key, known);
      return known;
    };
    const onPhase = ({ taskId, phase, atMs }: PhaseMessage) => {
      beginning(taskId, phase).resolve(atMs);
    };
    const times: number[][] = PARTS.map(() => []);
    await using workers = await startWorkers(setting, 'phases', { count: 1, capacity: 1, onPhase });
    setting.say(`breakdown: ${tasks} tasks`);
    for (let task = 0; task < tasks; task++) {
      await idle('phases');
      const { taskId } = await oneTask(setting, workers);
      const moments = await Promise.all([
        setting.queue.moment('created', taskId),
        ...['claimed', 'running', 'uploading', 'resolving'].map(phase => beginning(taskId, phase).promise),
        setting.queue.moment('completed', taskId),
        beginning(taskId, 'resolved').promise,
      ]);
      times.forEach((samples, part) => samples.push((moments[part + 1] ?? 0) - (moments[part] ?? 0)));
    }
    return PARTS.map((part, index) =>
      rowOf('median', { figure: `one task of true: ${part}`, samples: times[index] ?? [] }),
    );
  },
};
