/**
 * Limits the concurrency of recursive work, such as a walk through folders: this many lanes in all, and at
 * least one for each list of items.
 */
export function limitedConcurrency(count: number) {
  let free = count;
  return async <T>(things: readonly T[], act: (thing: T) => Promise<void>): Promise<void> => {
    const taken = Math.max(0, Math.min(free, things.length - 1));
    free -= taken;
    const rest = things.values();
    const lane = async () => {
      for (const thing of rest) await act(thing);
    };
    try {
      await Promise.all(Array.from({ length: taken + 1 }, lane));
    } finally {
      free += taken;
    }
  };
}
