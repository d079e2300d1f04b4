import { settledWithin } from '../settled-within.ts';
import type { DockerTiming } from './timing.ts';

/**
 * Removes what could not be removed in time: what an engine that is away still has, and what it may yet make for a call that it
 * has not answered.
 */
export interface LateRemovals extends AsyncDisposable {
  /** @param remove is called again and again. It does nothing when there is nothing to remove, and throws when it fails */
  owe(remove: () => Promise<unknown>): void;
}

type Times = Pick<DockerTiming, 'againMs' | 'lateMs' | 'endMs'>;

/**
 * A removal is owed until it has succeeded so long after it was asked for that no call of that time can still be under way in
 * the engine. When this is disposed of, each is tried once more.
 */
export function lateRemovals({ againMs, lateMs, endMs }: Times): LateRemovals {
  /** With `performance.now()` of when they were asked for. */
  const owed = new Map<() => Promise<unknown>, number>();
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> | undefined;

  const sweep = async () => {
    for (const [remove, since] of [...owed]) {
      const isLate = performance.now() - since >= lateMs;
      const isGone = await remove().then(
        () => true,
        () => false,
      );
      if (isGone && (isLate || isClosed)) owed.delete(remove);
    }
  };

  const schedule = () => {
    if (isClosed || owed.size === 0 || timer) return;
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
    owe: remove => {
      owed.set(remove, performance.now());
      schedule();
    },
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer);
      isClosed = true;
      const last = (underWay ?? Promise.resolve()).then(sweep);
      // The next start of a worker removes what an engine keeps that is still away.
      await settledWithin(last, endMs);
    },
  };
}
