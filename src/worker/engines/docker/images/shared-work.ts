import { unlessAborted } from '../../../../base/index.ts';
import type { ImageWanted } from '../../container.ts';

/**
 * Work that is done once for all participants that want its result at the same time. It continues while at least one of
 * them wants it.
 */
export interface SharedWork<T> {
  /**
   * Joins the work of this key, or begins it.
   *
   * @param work receives a log that reaches all participants, and a signal that is aborted when the last one has left
   * @throws the error of the work, or the reason of the participant's signal
   */
  join(key: string, wanted: ImageWanted, work: (shared: ImageWanted) => Promise<T>): Promise<T>;
  /** Whether work of this key is under way. */
  has(key: string): boolean;
  /** Settles when no work is under way. */
  ended(): Promise<unknown>;
}

interface UnderWay<T> {
  readonly wanting: Set<ImageWanted>;
  readonly controller: AbortController;
  readonly result: Promise<T>;
}

export function sharedWork<T>(): SharedWork<T> {
  const all = new Map<string, UnderWay<T>>();

  const begin = (key: string, work: (shared: ImageWanted) => Promise<T>): UnderWay<T> => {
    const wanting = new Set<ImageWanted>();
    const controller = new AbortController();
    const say = (level: 'info' | 'warn') => (message: string) => {
      for (const { log } of wanting) log[level](message);
    };
    const log = { info: say('info'), warn: say('warn') };
    // The work begins only after the first participant has joined, because that one must see every line.
    const result = Promise.resolve()
      .then(() => work({ log, signal: controller.signal }))
      .finally(() => {
        if (all.get(key) === underWay) all.delete(key);
      });
    result.catch(() => undefined);
    const underWay: UnderWay<T> = { wanting, controller, result };
    all.set(key, underWay);
    return underWay;
  };

  return {
    join: async (key, wanted, work) => {
      const { signal } = wanted;
      signal.throwIfAborted();
      const present = all.get(key);
      const { wanting, controller, result } =
        present && !present.controller.signal.aborted ? present : begin(key, work);
      wanting.add(wanted);
      const leave = () => {
        wanting.delete(wanted);
        if (wanting.size === 0) controller.abort(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      try {
        return await unlessAborted(result, signal);
      } finally {
        signal.removeEventListener('abort', leave);
        wanting.delete(wanted);
      }
    },
    has: key => all.has(key),
    ended: () => Promise.allSettled(Array.from(all.values(), ({ result }) => result)),
  };
}
