import { unlessAborted } from '../../base/index.ts';

/** Lets one at a time do something, in the order in which they came. */
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
      // Who is stopped while it waits passes the turn on when it comes.
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
