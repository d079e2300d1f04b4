import type { Clock } from '../../clock.ts';
import { taskDeadlineExceeded } from '../messages.ts';
import type { Publisher } from '../../publisher.ts';
import { cancel } from '../tasks/runs.ts';
import type { Store } from '../tasks/store.ts';
import type { Task } from '../tasks/task.ts';
import type { DependencyResolver } from './dependency-resolver.ts';

/** Ends tasks that are unresolved after their deadline. */
export interface DeadlineResolver {
  watch(task: Task): void;
  close(): void;
}

interface DeadlineResolverOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly dependencyResolver: DependencyResolver;
  readonly clock: Clock;
  /** Milliseconds after the deadline. The real queue is 60 to 65 s late. */
  readonly delayMs: number;
  readonly onError: (error: unknown) => void;
}

export function createDeadlineResolver(options: DeadlineResolverOptions): DeadlineResolver {
  const { store, publisher, dependencyResolver, clock, delayMs, onError } = options;
  const watched = new Map<string, () => void>();

  async function expire(taskId: string): Promise<void> {
    watched.delete(taskId);
    const task = store.find(taskId);
    const expired = task && cancel(task, 'deadline-exceeded', clock.now());
    if (!expired) return;
    store.save(expired);
    await dependencyResolver.resolve(expired, 'exception');
    await publisher.publishWithRetries(taskDeadlineExceeded(expired));
  }

  return {
    watch({ taskId, deadline }) {
      const delay = deadline - clock.now() + delayMs;
      watched.set(
        taskId,
        clock.after(delay, () => void expire(taskId).catch(onError)),
      );
    },
    close() {
      for (const stop of watched.values()) stop();
    },
  };
}
