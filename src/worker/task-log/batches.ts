/** Two of them are filled and written in turns. */
const BATCH_BYTES = 128 * 1024;
/** The first batch: most logs are no longer. */
const FIRST_BYTES = 8 * 1024;
/** How long a batch that is not full waits for more. */
const LINGER_MS = 5;

/** Makes few large writes of many small ones, in the order in which they come. */
export interface Batches {
  /**
   * Copies the bytes.
   *
   * @returns undefined when more may come at once; otherwise what settles then
   */
  readonly add: (bytes: Buffer) => Promise<void> | undefined;
  /** Settles when all has been written. */
  readonly flush: () => Promise<void>;
}

/** @param write is called for one batch at a time; the batch is used again as soon as it settles. Must not reject. */
export function batchesTo(write: (batch: Buffer) => Promise<void>): Batches {
  /** Made when it is needed: of many logs there is never a second. */
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
  /** Begins to write a batch; only while nothing else is being written. */
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
