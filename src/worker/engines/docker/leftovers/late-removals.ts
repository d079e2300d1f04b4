import { settledWithin } from '../../settled-within.ts';
import type { DockerTiming } from '../timing.ts';

/**
 * Retries removals: of things in an engine that is away, and of things that the engine may yet create for a call without an
 * answer.
 */
export interface LateRemovals extends AsyncDisposable {
  /** @param remove is called repeatedly. It does nothing when there is nothing to remove, and throws when it fails */
  add(remove: () => Promise<unknown>): void;
}

type Times = Pick<DockerTiming, 'againMs' | 'lateMs' | 'endMs'>;

/**
 * A removal is repeated until it succeeds at a time when no earlier call can still be under way in the engine. On disposal,
 * each is tried once more.
 */
export function lateRemovals({ againMs, lateMs, endMs }: Times): LateRemovals {
  /** The removals, with `performance.now()` of their request. */
  const removals = new Map<() => Promise<unknown>, number>();
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> | undefined;

  const sweep = async () => {
    for (const [remove, since] of [...removals]) {
      const isLate = performance.now() - since >= lateMs;
      const isGone = await remove().then(
        () => true,
        () => false,
      );
      if (isGone && (isLate || isClosed)) removals.delete(remove);
    }
  };

  const schedule = () => {
    if (isClosed || removals.size === 0 || timer) return;
    timer = setTimeout(() => {
      underWay = sweep().finally(() => {
        timer = undefined;
        underWay = undefined;
        schedule();
      });
    }, againMs);
    timer.unref();
  };

  return {
    add: remove => {
      removals.set(remove, performance.now());
      schedule();
    },
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer);
      isClosed = true;
      const last = (underWay ?? Promise.resolve()).then(sweep);
      // If the engine stays away, the next start of a worker removes the rest.
      await settledWithin(last, endMs);
    },
  };
}
