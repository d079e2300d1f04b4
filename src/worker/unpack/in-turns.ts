import { unlessAborted } from '../../base/index.ts';

/** Runs one operation at a time, in order of arrival. */
export interface Turns {
  /**
   * Waits for a turn, which lasts until it is disposed of.
   *
   * @throws the reason of the signal
   */
  turn(signal: AbortSignal): Promise<Disposable>;
}

export function inTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    turn: async signal => {
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
