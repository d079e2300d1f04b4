/** The slowest acceptable speed in each period, in bytes per second. */
const SLOWEST_BYTES_PER_SECOND = 1024;

/** Aborts a transfer that makes no progress. */
export interface StallWatch extends Disposable {
  readonly signal: AbortSignal;
  /** Records received bytes. */
  moved(bytes: number): void;
  /** Waits for local work, such as the disk, which is not the server's fault. */
  busyWith<T>(work: () => Promise<T>): Promise<T>;
}

/** @param periodMs how long next to nothing may arrive, in ms */
export function stallWatch(periodMs: number): StallWatch {
  const controller = new AbortController();
  const least = (periodMs / 1_000) * SLOWEST_BYTES_PER_SECOND;
  let came = 0;
  let isBusy = false;
  const timer = setInterval(() => {
    if (came < least && !isBusy) {
      controller.abort(new Error(`almost nothing was received for ${Math.round(periodMs / 1_000)} s`));
    }
    came = 0;
  }, periodMs);
  return {
    signal: controller.signal,
    moved: bytes => {
      came += bytes;
    },
    busyWith: async work => {
      isBusy = true;
      try {
        return await work();
      } finally {
        isBusy = false;
        came = least;
      }
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
    },
  };
}
