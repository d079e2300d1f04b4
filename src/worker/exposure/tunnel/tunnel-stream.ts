import { Duplex } from 'node:stream';
import type { Frame } from './frames.ts';

/** The maximum amount of data in one frame, in bytes, so that streams take turns on the connection. */
const CHUNK_BYTES = 64 * 1024;

/** What a stream needs from its session. */
export interface StreamParts {
  readonly id: number;
  /** How many bytes each side may send before the other has consumed them. */
  readonly windowBytes: number;
  /** Called with the change in the number of received bytes that have not been handed to the reader. */
  readonly onHeld: (bytes: number) => void;
  /** Sends a frame. Settles when the connection has accepted it. */
  readonly send: (frame: Frame) => Promise<void>;
  /** Called when the stream has ended in both directions, or was given up. */
  readonly onClosed: () => void;
}

/**
 * One stream of a tunnel: the connection of a client outside. Both directions have a window. Received data counts as
 * consumed when the reader of this stream has taken it, so a reader that does not read holds at most one window of
 * data.
 */
export class TunnelStream extends Duplex {
  readonly #parts: StreamParts;
  /** Received data that the reader has not taken yet. */
  readonly #received: Buffer[] = [];
  #receivedBytes = 0;
  #receivedEnd = false;
  #readerWaits = false;
  /** How many more bytes may be sent now. */
  #sendWindow: number;
  #onWindow: (() => void) | undefined;
  /** The number of consumed bytes that have not been acknowledged yet. */
  #unacknowledged = 0;
  #isAcknowledging = false;
  #sentFin = false;

  constructor(parts: StreamParts) {
    super({ allowHalfOpen: true, readableHighWaterMark: CHUNK_BYTES, writableHighWaterMark: CHUNK_BYTES });
    this.#parts = parts;
    this.#sendWindow = parts.windowBytes;
  }

  /** The number of received bytes that have not been handed to the reader yet. */
  get heldBytes(): number {
    return this.#receivedBytes;
  }

  /** Takes the data of a frame. If the sender exceeds the window or sends after its FIN, the stream is destroyed. */
  receive(data: Buffer): void {
    if (this.destroyed) return;
    if (this.#receivedEnd || this.#receivedBytes + data.length > this.#parts.windowBytes) {
      this.destroy();
      return;
    }
    if (data.length === 0) return;
    this.#received.push(data);
    this.#hold(data.length);
    // The session may have destroyed this stream because too much memory is in use.
    if (!this.destroyed) this.#hand();
  }

  /** Call this when the other side sends no more data. */
  receiveEnd(): void {
    if (this.#receivedEnd) return;
    this.#receivedEnd = true;
    this.#hand();
  }

  /** Call this when the other side has consumed `bytes`. */
  acknowledge(bytes: number): void {
    this.#sendWindow = Math.min(this.#sendWindow + bytes, this.#parts.windowBytes);
    const wake = this.#onWindow;
    this.#onWindow = undefined;
    wake?.();
  }

  override _read(): void {
    this.#readerWaits = true;
    this.#hand();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#write(chunk).then(
      () => {
        done();
      },
      (error: unknown) => {
        done(error as Error);
      },
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#fin();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#received.length = 0;
    this.#hold(-this.#receivedBytes);
    this.#fin();
    const wake = this.#onWindow;
    this.#onWindow = undefined;
    wake?.();
    this.#parts.onClosed();
    done(error);
  }

  /** Gives the reader the data that it waits for, and reopens the sender's window by the same amount. */
  #hand(): void {
    while (this.#readerWaits && this.#received.length > 0) {
      const data = this.#takeChunk();
      this.#hold(-data.length);
      this.#readerWaits = this.push(data);
      this.#unacknowledged += data.length;
      void this.#acknowledge();
    }
    if (this.#readerWaits && this.#receivedEnd) {
      this.#readerWaits = false;
      this.push(null);
    }
  }

  #takeChunk(): Buffer {
    const [first = Buffer.alloc(0)] = this.#received;
    // Data in the reader's buffer is no longer counted, so a large frame is handed over in parts.
    if (first.length <= CHUNK_BYTES) this.#received.shift();
    else this.#received[0] = first.subarray(CHUNK_BYTES);
    return first.subarray(0, CHUNK_BYTES);
  }

  #hold(bytes: number): void {
    this.#receivedBytes += bytes;
    this.#parts.onHeld(bytes);
  }

  /** At most one ACK waits to be sent, so that ACKs cannot fill the memory if the tunnel does not read. */
  async #acknowledge(): Promise<void> {
    if (this.#isAcknowledging) return;
    this.#isAcknowledging = true;
    while (this.#unacknowledged > 0 && !this.destroyed) {
      const bytes = this.#unacknowledged;
      this.#unacknowledged = 0;
      await this.#parts.send({ type: 'ack', stream: this.#parts.id, bytes }).catch(() => undefined);
    }
    this.#isAcknowledging = false;
  }

  async #write(chunk: Buffer): Promise<void> {
    for (let rest = chunk; rest.length > 0 && !this.destroyed;) {
      if (this.#sendWindow === 0) await new Promise<void>(resolve => (this.#onWindow = resolve));
      const data = rest.subarray(0, Math.min(CHUNK_BYTES, this.#sendWindow));
      this.#sendWindow -= data.length;
      rest = rest.subarray(data.length);
      if (data.length > 0) await this.#parts.send({ type: 'data', stream: this.#parts.id, data });
    }
  }

  #fin(): void {
    if (this.#sentFin) return;
    this.#sentFin = true;
    // If sending fails, the connection has ended, which destroys its streams.
    this.#parts.send({ type: 'fin', stream: this.#parts.id }).catch(() => undefined);
  }
}
