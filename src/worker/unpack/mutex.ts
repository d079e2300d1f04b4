import { unlessAborted } from '../../base/index.ts';

/** Runs one operation at a time, in order of arrival. */
export interface Mutex {
  /**
   * Waits for a turn, which lasts until it is disposed of.
   *
   * @throws the reason of the signal
   */
  lock(signal: AbortSignal): Promise<Disposable>;
}

export function mutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return {
    lock: async signal => {
      const before = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      // A caller that is stopped while it waits passes on its turn when it comes.
      last = before.then(() => promise);
      const turn = { [Symbol.dispose]: resolve };
      try {
        await unlessAborted(before, signal);
      } catch (error) {
        resolve();
        throw error;
      }
      return turn;
    },
  };
}
