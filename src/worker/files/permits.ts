/** Limits how many operations run at a time, first come, first served. */
export interface Permits {
  /** Waits for its turn, and runs the operation. */
  with<T>(act: () => Promise<T>): Promise<T>;
}

export function permits(count: number): Permits {
  let free = count;
  const waiting: (() => void)[] = [];
  const giveBack = () => {
    const next = waiting.shift();
    if (next) next();
    else free++;
  };
  return {
    with: async act => {
      if (free > 0) free--;
      else await new Promise<void>(resolve => waiting.push(resolve));
      try {
        return await act();
      } finally {
        giveBack();
      }
    },
  };
}
