/** Notices when something that should go on does not. */
export interface StallWatch extends Disposable {
  /** Aborted when the other signal is, or, with a {@link Stalled}, when nothing has moved for too long. */
  readonly signal: AbortSignal;
  moved(): void;
}

export class Stalled extends Error {
  override readonly name = 'Stalled';
}

export function stallWatch(signal: AbortSignal, stallMs: number): StallWatch {
  const stalled = new AbortController();
  const timer = setTimeout(() => {
    stalled.abort(new Stalled(`nothing has come for ${stallMs / 1_000} s`));
  }, stallMs);
  return {
    signal: AbortSignal.any([signal, stalled.signal]),
    moved: () => void timer.refresh(),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
    },
  };
}
