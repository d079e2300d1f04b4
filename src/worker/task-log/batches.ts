/** Two of them are filled and written in turns. */
const BATCH_BYTES = 128 * 1024;
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
  let filling: Buffer = Buffer.allocUnsafe(BATCH_BYTES);
  let spare: Buffer | undefined = Buffer.allocUnsafe(BATCH_BYTES);
  let filled = 0;
  let writing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** Begins to write what there is; only while nothing else is being written. */
  const begin = (next: Buffer) => {
    clearTimeout(timer);
    timer = undefined;
    const batch = filling;
    const bytes = batch.subarray(0, filled);
    filling = next;
    spare = undefined;
    filled = 0;
    writing = write(bytes).then(() => {
      spare = batch;
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
      const copied = left.copy(filling, filled);
      filled += copied;
      left = left.subarray(copied);
      if (filled === BATCH_BYTES) {
        if (!spare) return addRest(left);
        begin(spare);
      }
    }
    timer ??= setTimeout(() => void flush(), LINGER_MS);
    return undefined;
  };
  const flush = async (): Promise<void> => {
    while (filled > 0 || writing) {
      if (spare) begin(spare);
      await writing;
    }
  };
  return { add, flush };
}
