import { setTimeout as sleep } from 'node:timers/promises';
import type { SoakDeployment } from './deployment.ts';
import type { PlannedFault } from './plan.ts';
import { randomFrom } from './random.ts';
import type { SoakOptions } from './setting.ts';
import { soakTask, type SoakTask } from './task.ts';

interface Feeding {
  /** Creates the remaining tasks without pauses. */
  hurry(): void;
  /** Stops creating tasks. */
  stop(): void;
  readonly done: Promise<SoakTask[]>;
}

/**
 * Creates tasks for as long as there are faults, so that the cost of a fault is visible. Creates at least the requested
 * number.
 */
export function feed(
  deployment: SoakDeployment,
  { tasks: wanted, seed, claimMs, longestMs = Infinity }: SoakOptions,
  witness: string,
  plan: readonly PlannedFault[],
): Feeding {
  const random = randomFrom(seed + 1);
  const taskQueueId = `${deployment.provisionerId}/${deployment.workerType}`;
  const recoveryMs = Math.min(8_000, longestMs);
  const expectedMs = plan.reduce((sum, { lastsMs, afterMs }) => sum + lastsMs + afterMs + recoveryMs, 3_000);
  const everyMs = expectedMs / (0.8 * wanted);
  let hurrying = false;
  let stopped = false;
  const feedAll = async () => {
    const tasks: SoakTask[] = [];
    const cancellations: Promise<void>[] = [];
    while (!stopped && (tasks.length < wanted || !hurrying)) {
      const task = soakTask({ taskQueueId, witness, claimMs, longestMs, random });
      tasks.push(task);
      await deployment.create(task);
      if (task.cancelAfterMs !== undefined) {
        cancellations.push(sleep(task.cancelAfterMs).then(() => deployment.cancel(task.taskId)));
      }
      if (!hurrying) await sleep(everyMs);
    }
    await Promise.all(cancellations);
    return tasks;
  };
  return {
    hurry: () => {
      hurrying = true;
    },
    stop: () => {
      stopped = true;
    },
    done: feedAll(),
  };
}
