import type { TakenCache } from '../../stores/index.ts';
import type { MountSpec } from '../../task-spec.ts';

/** The caches that a run holds. Disposing of them discards those that were not kept. */
export interface MountedCaches extends AsyncDisposable {
  /** In the order in which they were mounted. */
  readonly all: readonly TakenCache[];
}

/** Mounts one item, and hands over the cache as soon as it is taken. */
type MountOne = (
  mount: MountSpec,
  index: number,
  hold: (cache: TakenCache) => TakenCache,
) => Promise<unknown>;

/**
 * Mounts everything that a task asks for, in the payload's order. If an item cannot be mounted, caches are
 * given back. After a stop they are discarded.
 *
 * @throws errors of `mountOne`, or the reason of the signal
 */
export async function heldCaches(
  mounts: readonly MountSpec[],
  signal: AbortSignal,
  mountOne: MountOne,
): Promise<MountedCaches> {
  await using stack = new AsyncDisposableStack();
  /** The complete caches. */
  const all: TakenCache[] = [];
  try {
    for (const [index, mount] of mounts.entries()) {
      signal.throwIfAborted();
      const held: TakenCache[] = [];
      await mountOne(mount, index, cache => {
        held.push(stack.use(cache));
        return cache;
      });
      all.push(...held);
    }
    signal.throwIfAborted();
  } catch (error) {
    // No command has touched them. A cache that was just created may lack its content.
    for (const cache of all.toReversed()) {
      if (!signal.aborted && !cache.isNew) await cache.keep(signal).catch(() => undefined);
    }
    throw error;
  }
  const owned = stack.move();
  return { all, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() };
}
