import { closeSync, readSync } from 'node:fs';
import { Socket } from 'node:net';

/** Largest pipe buffer that an ordinary user can request (pipe(7), F_SETPIPE_SZ), in bytes. */
const PIPE_HOLDS_AT_MOST = 1024 * 1024;
/** Bytes per read: the default size of a pipe. */
const READ_BYTES = 64 * 1024;
/** Buffers for reuse by all pipes, to relieve the garbage collector. */
const spareBuffers: Buffer[] = [];
const MAX_SPARE_BUFFERS = 8;

const takeBuffer = () => spareBuffers.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
const giveBack = (buffer: Buffer) => {
  if (spareBuffers.length < MAX_SPARE_BUFFERS) spareBuffers.push(buffer);
};

/**
 * The pipe of the output of one run's commands.
 *
 * Node gives its children socket pairs, which a program cannot reopen by name: `echo x > /dev/stderr` would fail in a
 * task. So this is a real pipe, opened by a shell. It outlives single commands: output that a background process writes
 * later is read while the next command runs.
 */
export class OutputPipe {
  /** The writing end, for commands. The worker keeps it open, so that the pipe does not end between commands. */
  readonly writer: number;
  readonly #reader: number;
  readonly #socket: Socket;
  /** Buffer of the next read. */
  #ahead: Buffer | undefined;
  #onChunk: (chunk: Buffer, used: () => void) => void = () => undefined;
  readonly #closed = Promise.withResolvers<undefined>();

  /**
   * Takes over two descriptors of a pipe, and closes them at its end.
   *
   * @param reader non-blocking
   * @param writer blocking, for commands
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
          this.#onChunk(chunk.subarray(0, length), () => {
            giveBack(chunk);
          });
          return true;
        },
      },
    });
    // An error of one run's pipe must not end the worker.
    this.#socket.on('error', () => undefined).pause();
    this.#socket.on('close', () => {
      if (this.#ahead) giveBack(this.#ahead);
      this.#ahead = undefined;
    });
  }

  /**
   * Copies everything that is written from now on to `output`, no faster than `output` accepts it. If `output` fails or
   * is closed, the rest is dropped, so that no command waits for a reader that is gone. The memory of a chunk is reused
   * after the write callback.
   *
   * @returns a function that stops the copying. It settles when everything written before has been handed over, even if
   *   somebody still holds the pipe open
   */
  copyTo(output: NodeJS.WritableStream): () => Promise<void> {
    const socket = this.#socket;
    let broken = !output.writable;
    this.#onChunk = (chunk, used) => {
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

  /** Drains the pipe's present content. A program that keeps writing does not make this endless. */
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
