/** Two of them are filled and written in turns. */
const BATCH_BYTES = 128 * 1024;
/** The first batch: most logs are no longer. */
const FIRST_BYTES = 8 * 1024;
/** How long a batch that is not full waits for more. */
const LINGER_MS = 5;

/** Combines many small writes into a few large ones, in order. */
export interface Batches {
  /**
   * Copies the bytes.
   *
   * @returns undefined when more may follow at once; otherwise a promise that settles when more may follow
   */
  readonly add: (bytes: Buffer) => Promise<void> | undefined;
  /** Settles when everything has been written. */
  readonly flush: () => Promise<void>;
}

/** @param write called for one batch at a time. The batch is reused as soon as it settles. Must not reject. */
export function batchesTo(write: (batch: Buffer) => Promise<void>): Batches {
  /** Allocated on demand, because many logs never need a second batch. */
  let filling: Buffer | undefined;
  let filled = 0;
  let spare: Buffer | undefined;
  let hasBegun = false;
  let writing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const next = (): Buffer => {
    const batch = spare ?? Buffer.allocUnsafe(hasBegun ? BATCH_BYTES : FIRST_BYTES);
    spare = undefined;
    hasBegun = true;
    return batch;
  };
  /** Starts to write a batch. Call it only while nothing else is being written. */
  const begin = (batch: Buffer) => {
    clearTimeout(timer);
    timer = undefined;
    const bytes = batch.subarray(0, filled);
    filling = undefined;
    filled = 0;
    writing = write(bytes).then(() => {
      if (batch.length === BATCH_BYTES) spare = batch;
      writing = undefined;
    });
  };
  const addRest = async (bytes: Buffer): Promise<void> => {
    await writing;
    await add(bytes);
  };
  const add = (bytes: Buffer): Promise<void> | undefined => {
    let left = bytes;
    while (left.length > 0) {
      filling ??= next();
      const copied = left.copy(filling, filled);
      filled += copied;
      left = left.subarray(copied);
      if (filled === filling.length) {
        if (writing) return addRest(left);
        begin(filling);
      }
    }
    timer ??= setTimeout(() => void flush(), LINGER_MS);
    return undefined;
  };
  const flush = async (): Promise<void> => {
    while (filling || writing) {
      if (filling && !writing) begin(filling);
      await writing;
    }
  };
  return { add, flush };
}
