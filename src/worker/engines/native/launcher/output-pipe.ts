import { closeSync, readSync } from 'node:fs';
import { Socket } from 'node:net';

/** As much as an ordinary user's program can ask a pipe to hold (pipe(7), F_SETPIPE_SZ), in bytes. */
const PIPE_HOLDS_AT_MOST = 1024 * 1024;
/** What one read takes at most: as much as a pipe holds by default. */
const READ_BYTES = 64 * 1024;
/** Buffers that are kept to be read into again, by whichever pipe: it spares the worker most of its garbage. */
const spareBuffers: Buffer[] = [];
const MOST_SPARE_BUFFERS = 8;

const takeBuffer = () => spareBuffers.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
const giveBack = (buffer: Buffer) => {
  if (spareBuffers.length < MOST_SPARE_BUFFERS) spareBuffers.push(buffer);
};

/**
 * The pipe that carries what the commands of one run write.
 *
 * Node gives its children socket pairs, which a program cannot open again by name: `echo x > /dev/stderr` would fail
 * in a task. So the pipe is a real one, which a shell has made. It outlives single commands: what a background process
 * writes later is read while the next command runs.
 */
export class OutputPipe {
  /** The descriptor that commands write to. The worker holds it open, so that the pipe has no end between them. */
  readonly writer: number;
  readonly #reader: number;
  readonly #socket: Socket;
  /** What the next read goes into. */
  #ahead: Buffer | undefined;
  #pour: (chunk: Buffer, used: () => void) => void = () => undefined;
  readonly #closed = Promise.withResolvers<undefined>();

  /**
   * Takes two descriptors of a pipe, which it will close.
   *
   * @param reader does not block
   * @param writer blocks: commands have it
   */
  constructor(reader: number, writer: number) {
    this.#reader = reader;
    this.writer = writer;
    this.#socket = new Socket({
      fd: this.#reader,
      readable: true,
      writable: false,
      onread: {
        buffer: () => (this.#ahead = takeBuffer()),
        callback: (length, buffer) => {
          const chunk = buffer as Buffer;
          this.#pour(chunk.subarray(0, length), () => {
            giveBack(chunk);
          });
          return true;
        },
      },
    });
    // Whatever goes wrong with one run's pipe must not end the worker.
    this.#socket.on('error', () => undefined).pause();
    this.#socket.on('close', () => {
      if (this.#ahead) giveBack(this.#ahead);
      this.#ahead = undefined;
    });
  }

  /**
   * Pours what is written into `output` from now on, no faster than `output` takes it. When `output` breaks or is
   * closed, what follows is thrown away: no command waits for a reader that is gone. Memory of a chunk is used again
   * when `output` has called back for it.
   *
   * @returns a function that stops the pouring; it settles when all that was written before has been handed over,
   *          also while somebody still holds the pipe open
   */
  pourInto(output: NodeJS.WritableStream): () => Promise<void> {
    const socket = this.#socket;
    let broken = !output.writable;
    this.#pour = (chunk, used) => {
      if (broken) used();
      else if (!output.write(chunk, used)) socket.pause();
    };
    const onDrain = () => void socket.resume();
    const onBroken = () => {
      broken = true;
      socket.resume();
    };
    output.on('drain', onDrain).on('error', onBroken).on('close', onBroken);
    socket.resume();

    return async () => {
      socket.pause();
      output.off('drain', onDrain);
      for (const chunk of this.#waiting()) {
        if (!broken && !output.write(chunk)) await this.#room(output);
      }
      output.off('error', onBroken).off('close', onBroken);
    };
  }

  /** Closes both ends. */
  close(): void {
    if (this.#socket.destroyed) return;
    this.#socket.destroy();
    closeSync(this.writer);
    this.#closed.resolve(undefined);
  }

  /** What is in the pipe now. A program that writes on without end does not make it endless. */
  #waiting(): Buffer[] {
    const chunks: Buffer[] = [];
    if (this.#socket.destroyed) return chunks;
    const buffer = takeBuffer();
    for (let total = 0; total < PIPE_HOLDS_AT_MOST;) {
      let length: number;
      try {
        length = readSync(this.#reader, buffer);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') break;
        throw error;
      }
      if (length === 0) break;
      chunks.push(Buffer.from(buffer.subarray(0, length)));
      total += length;
    }
    giveBack(buffer);
    return chunks;
  }

  async #room(output: NodeJS.WritableStream): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const go = () => {
      resolve(undefined);
    };
    output.on('drain', go).on('error', go).on('close', go);
    await Promise.race([promise, this.#closed.promise]);
    output.off('drain', go).off('error', go).off('close', go);
  }
}
