import type { Clock } from '../../clock.ts';
import { taskException, taskPending } from '../messages.ts';
import type { Publisher } from '../../publisher.ts';
import { expireClaim } from '../tasks/runs.ts';
import type { Store } from '../tasks/store.ts';
import { stateOf } from '../tasks/task.ts';
import type { DependencyResolver } from './dependency-resolver.ts';

/** Ends runs whose claims have expired, and creates new runs while retries are left. */
export interface ClaimResolver {
  /** Watches a claim until its end. A renewed claim is watched again. */
  watch(taskId: string, runId: number, takenUntil: number): void;
  close(): void;
}

interface ClaimResolverOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly dependencyResolver: DependencyResolver;
  readonly clock: Clock;
  /** Milliseconds after `takenUntil`. The real queue is up to 5 s late. */
  readonly delayMs: number;
  readonly onError: (error: unknown) => void;
}

export function createClaimResolver(options: ClaimResolverOptions): ClaimResolver {
  const { store, publisher, dependencyResolver, clock, delayMs, onError } = options;
  const watched = new Map<string, () => void>();

  async function expire(taskId: string, runId: number, takenUntil: number): Promise<void> {
    watched.delete(taskId);
    const task = store.find(taskId);
    const expired = task && expireClaim(task, runId, takenUntil, clock.now());
    if (!expired) return;
    store.save(expired);
    await publisher.publishWithRetries(taskException(expired, runId));
    if (stateOf(expired) === 'pending') await publisher.publishWithRetries(taskPending(expired));
    else await dependencyResolver.resolve(expired, 'exception');
  }

  return {
    watch(taskId, runId, takenUntil) {
      // A task has one claim at a time.
      watched.get(taskId)?.();
      const delay = takenUntil - clock.now() + delayMs;
      watched.set(
        taskId,
        clock.after(delay, () => void expire(taskId, runId, takenUntil).catch(onError)),
      );
    },
    close() {
      for (const stop of watched.values()) stop();
    },
  };
}
