import type { Collector, Store } from './collector.ts';

/** Opens a store once, even for concurrent callers. After a failure, the next caller tries again. */
export function openedOnce<T extends Store & AsyncDisposable>(
  collector: Collector,
  open: () => Promise<T>,
): AsyncDisposable & { get: () => Promise<T> } {
  let opening: Promise<T> | undefined;
  const get = () => {
    opening ??= open().then(
      store => {
        collector.add(store);
        return store;
      },
      (error: unknown) => {
        opening = undefined;
        throw error;
      },
    );
    return opening;
  };
  return {
    get,
    [Symbol.asyncDispose]: async () => {
      await (await opening)?.[Symbol.asyncDispose]();
    },
  };
}
