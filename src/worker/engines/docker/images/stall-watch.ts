/** Detects a lack of progress. */
export interface StallWatch extends Disposable {
  /** Aborted together with the other signal, or with {@link Stalled} when there was no progress for too long. */
  readonly signal: AbortSignal;
  moved(): void;
}

export class Stalled extends Error {
  override readonly name = 'Stalled';
}

export function stallWatch(signal: AbortSignal, stallMs: number): StallWatch {
  const stalled = new AbortController();
  const timer = setTimeout(() => {
    stalled.abort(new Stalled(`nothing was received for ${stallMs / 1_000} s`));
  }, stallMs);
  return {
    signal: AbortSignal.any([signal, stalled.signal]),
    moved: () => void timer.refresh(),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
    },
  };
}
