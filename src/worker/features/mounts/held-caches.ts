import type { TakenCache } from '../../stores/index.ts';
import type { MountSpec } from '../../task-spec.ts';

/** The caches in the hands of a run. Disposing of them discards those that were not kept. */
export interface MountedCaches extends AsyncDisposable {
  /** In the order in which they were mounted. */
  readonly all: readonly TakenCache[];
}

/** Mounts one thing, and hands over the cache as soon as it is taken. */
type MountOne = (
  mount: MountSpec,
  index: number,
  hold: (cache: TakenCache) => TakenCache,
) => Promise<unknown>;

/**
 * Mounts all that a task asks for, in the payload's order. When something cannot be mounted, caches go back; after a stop
 * they are discarded.
 *
 * @throws what `mountOne` throws, or the reason of the signal
 */
export async function heldCaches(
  mounts: readonly MountSpec[],
  signal: AbortSignal,
  mountOne: MountOne,
): Promise<MountedCaches> {
  await using stack = new AsyncDisposableStack();
  /** Those that have all that belongs in them. */
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
    // No command has touched them. One that has just been made may be without its content.
    for (const cache of all.toReversed()) {
      if (!signal.aborted && !cache.isNew) await cache.keep(signal).catch(() => undefined);
    }
    throw error;
  }
  const owned = stack.move();
  return { all, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() };
}
