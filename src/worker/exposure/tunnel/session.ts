import type { Duplex } from 'node:stream';
import { WebSocket, type RawData } from 'ws';
import { MalformedFrame, readFrame, writeFrame, type Frame } from './frames.ts';
import { TunnelStream } from './tunnel-stream.ts';

/**
 * The window of each stream in both directions, in bytes, equal to that of the tunnel's own side. The first ACK
 * announces our buffer, and the tunnel uses the same number for how much it accepts from us.
 */
export const WINDOW_BYTES = 4 * 1024 * 1024;

/**
 * The maximum number of open streams. The tunnel gives up a stream that is not accepted within 30 s and answers its
 * client with a 500.
 */
const MAX_STREAMS = 1_000;

/**
 * How much received data all streams together may hold, in bytes. This is 16 full windows, more than the shells of a
 * task can fill. If they hold more, the stream that holds the most data is closed.
 */
const MAX_RECEIVED_BYTES = 64 * 1024 * 1024;

/** The WebSocket close code for a violation of the protocol on top of it (RFC 6455, 7.4.1: policy violation). */
const POLICY_VIOLATION = 1008;
/** How long the other side may take to answer a close, in ms. */
const CLOSE_MS = 1_000;

/**
 * If more than this is waiting to be sent, in bytes, the tunnel does not read. One chunk of every stream together is
 * less.
 */
const MAX_UNSENT_BYTES = 128 * 1024 * 1024;

export interface SessionOptions {
  /** Called with each stream that a client opens through the tunnel. */
  readonly onStream: (stream: Duplex) => void;
  /** The interval between pings, in ms. If a ping is not answered before the next one, the session ends. */
  readonly pingMs: number;
}

/** The streams over one WebSocket. When it closes, all of them end. */
export class Session {
  /** Resolves with the reason when the WebSocket is closed. */
  readonly ended: Promise<string>;
  readonly #socket: WebSocket;
  readonly #options: SessionOptions;
  readonly #streams = new Map<number, TunnelStream>();
  #heldBytes = 0;
  /** The reason for the end, once the session is ending. */
  #reason: string | undefined;

  /** @param socket an open WebSocket, which may be paused */
  constructor(socket: WebSocket, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('message', (message, isBinary) => {
      this.#hear(message, isBinary);
    });
    this.#keepAlive();
    this.ended = new Promise(resolve => {
      socket.on('close', (code, reason) => {
        this.#reason ??= `closed with code ${code}${reason.length > 0 ? ` (${reason.toString()})` : ''}`;
        for (const stream of [...this.#streams.values()]) stream.destroy();
        resolve(this.#reason);
      });
    });
    socket.resume();
  }

  /** Ends the session and all of its streams. */
  close(): void {
    this.#end('closed by the worker');
  }

  #end(reason: string): void {
    this.#reason ??= reason;
    this.#socket.terminate();
  }

  #hear(message: RawData, isBinary: boolean): void {
    if (this.#reason !== undefined) return;
    try {
      if (!isBinary) throw new MalformedFrame('a text message');
      this.#handle(readFrame(message as Buffer));
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      this.#reason = `the tunnel broke the protocol: ${error.message}`;
      this.#socket.close(POLICY_VIOLATION, 'malformed frame');
      setTimeout(() => {
        this.#socket.terminate();
      }, CLOSE_MS).unref();
    }
  }

  /** Ignores frames of unknown streams, and a second SYN of a known one. */
  #handle(frame: Frame): void {
    const stream = this.#streams.get(frame.stream);
    switch (frame.type) {
      case 'syn':
        if (stream === undefined) this.#accept(frame.stream);
        return;
      case 'ack':
        stream?.acknowledge(frame.bytes);
        return;
      case 'fin':
        stream?.receiveEnd();
        return;
      case 'data':
        stream?.receive(frame.data);
        return;
    }
  }

  #accept(id: number): void {
    if (this.#streams.size >= MAX_STREAMS) return;
    const stream = new TunnelStream({
      id,
      windowBytes: WINDOW_BYTES,
      onHeld: bytes => {
        this.#hold(bytes);
      },
      send: frame => this.#send(frame),
      onClosed: () => {
        this.#streams.delete(id);
      },
    });
    // A client that disconnects is not an error of this worker. The user of the stream gets the event too.
    stream.on('error', () => undefined);
    this.#streams.set(id, stream);
    this.#send({ type: 'ack', stream: id, bytes: WINDOW_BYTES }).catch(() => undefined);
    this.#options.onStream(stream);
  }

  /** Called when a stream holds `bytes` more, or less if negative. */
  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    if (bytes <= 0) return;
    while (this.#heldBytes > MAX_RECEIVED_BYTES) {
      const [largest] = [...this.#streams.values()].sort((a, b) => b.heldBytes - a.heldBytes);
      largest?.destroy();
    }
  }

  #send(frame: Frame): Promise<void> {
    if (this.#socket.bufferedAmount > MAX_UNSENT_BYTES) this.#end('the tunnel does not read');
    return new Promise((resolve, reject) => {
      this.#socket.send(writeFrame(frame), error => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  #keepAlive(): void {
    let isAnswered = true;
    const ping = () => {
      if (!isAnswered) {
        this.#end('the tunnel does not answer pings');
        return;
      }
      isAnswered = false;
      this.#socket.ping();
    };
    this.#socket.on('pong', () => {
      isAnswered = true;
    });
    const timer = setInterval(ping, this.#options.pingMs);
    timer.unref();
    this.#socket.on('close', () => {
      clearInterval(timer);
    });
    ping();
  }
}
