import type { Collector, Store } from './collector.ts';

/** Opens a store once, for all who need it at the same time too. After a failure, the next who needs it tries again. */
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
