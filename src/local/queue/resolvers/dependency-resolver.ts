import type { Clock } from '../../clock.ts';
import { ApiError } from '../../errors.ts';
import { taskGroupResolved } from '../messages.ts';
import { scheduleTask } from '../operations/schedule-task.ts';
import type { Publisher } from '../../publisher.ts';
import type { Dependencies } from '../tasks/dependencies.ts';
import type { Store } from '../tasks/store.ts';
import type { Task } from '../tasks/task.ts';

/** How a task ended. */
export type Outcome = 'completed' | 'failed' | 'exception';

/** Makes dependents pending, and announces when a group is resolved. */
export interface DependencyResolver {
  /** Acts on the end of a task a little later. Nobody waits for it. */
  resolveSoon(task: Task, outcome: Outcome): void;
  /** Acts on the end of a task now. */
  resolve(task: Task, outcome: Outcome): Promise<void>;
  close(): void;
}

interface DependencyResolverOptions {
  readonly store: Store;
  readonly dependencies: Dependencies;
  readonly publisher: Publisher;
  readonly clock: Clock;
  /** Milliseconds after the end of a task. The real queue checks every 5 s. */
  readonly delayMs: number;
  readonly onError: (error: unknown) => void;
}

export function createDependencyResolver(options: DependencyResolverOptions): DependencyResolver {
  const { store, dependencies, publisher, clock, delayMs, onError } = options;
  const waiting = new Set<() => void>();

  async function resolve({ taskId, taskGroupId }: Task, outcome: Outcome): Promise<void> {
    for (const dependentId of dependencies.dependentsOf(taskId)) {
      const dependent = store.find(dependentId);
      if (!dependent || (outcome !== 'completed' && dependent.requires !== 'all-resolved')) continue;
      if (dependencies.fulfil(dependentId, taskId)) await scheduleInTime(dependent);
    }
    const group = store.groups.get(taskGroupId);
    group?.unresolved.delete(taskId);
    if (group?.unresolved.size === 0) await publisher.publishWithRetries(taskGroupResolved(group));
  }

  /** A task past its deadline is left to the deadline resolver. */
  async function scheduleInTime(task: Task): Promise<void> {
    try {
      await scheduleTask({ store, clock }, task, publisher.publishWithRetries);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }

  return {
    resolve,
    resolveSoon(task, outcome) {
      const stop = clock.after(delayMs, () => {
        waiting.delete(stop);
        resolve(task, outcome).catch(onError);
      });
      waiting.add(stop);
    },
    close() {
      for (const stop of waiting) stop();
    },
  };
}
