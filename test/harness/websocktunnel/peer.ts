import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** The buffer of the tunnel's side of a stream, in bytes. */
const BUFFER = 4 * 1024 * 1024;
const [DAT, SYN, ACK, FIN] = [0, 1, 2, 3];

/** The tunnel's side of a connection. It opens streams, and records violations of the protocol by the worker's side. */
export class TunnelPeer {
  readonly violations: string[] = [];
  readonly socket: WebSocket;
  readonly #acceptMs: number;
  readonly #streams = new Map<number, PeerStream>();
  #nextId = 0;

  constructor(socket: WebSocket, acceptMs: number) {
    this.socket = socket;
    this.#acceptMs = acceptMs;
    socket.on('message', (message, isBinary) => {
      if (isBinary) this.#hear(message as Buffer);
      else this.#violated('a text message');
    });
    socket.on('close', () => {
      for (const stream of this.#streams.values()) stream.destroy(new Error('the tunnel was closed'));
    });
  }

  /** Opens a stream to the worker. Rejects if the worker does not accept it in time. */
  async open(): Promise<PeerStream> {
    const id = this.#nextId;
    this.#nextId += 2;
    const accepted = Promise.withResolvers<void>();
    const stream = new PeerStream(id, this.socket, accepted.resolve, () => this.#streams.delete(id));
    stream.on('error', () => undefined);
    this.#streams.set(id, stream);
    const late = setTimeout(() => {
      this.#streams.delete(id);
      accepted.reject(new Error('not accepted'));
    }, this.#acceptMs);
    this.socket.send(frame(SYN, id));
    stream.once('close', () => {
      accepted.reject(new Error('closed'));
    });
    try {
      await accepted.promise;
      return stream;
    } finally {
      clearTimeout(late);
    }
  }

  /** Sends a frame without any checks. */
  sendRaw(type: number, id: number, payload?: Buffer): void {
    this.socket.send(frame(type, id, payload));
  }

  #hear(message: Buffer): void {
    if (message.length < 5) {
      this.#violated(`a frame of ${message.length} bytes`);
      return;
    }
    const [type, id, payload] = [message.readUInt8(0), message.readUInt32LE(1), message.subarray(5)];
    const stream = this.#streams.get(id);
    if (type === SYN) this.#violated('a SYN of a client');
    else if (type > FIN) this.#violated(`a frame of type ${type}`);
    else if (type === ACK && payload.length !== 4) this.#violated('an ACK of another length');
    else if (type === FIN && payload.length !== 0) this.#violated('a FIN with data');
    else if (stream) {
      const problem = type === DAT ? stream.data(payload) : stream.word(type, payload);
      if (problem !== undefined) this.#violated(problem);
    }
  }

  #violated(what: string): void {
    this.violations.push(what);
    this.socket.close(1008);
  }
}

export function frame(type: number, id: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(type, 0);
  header.writeUInt32LE(id, 1);
  return Buffer.concat([header, payload]);
}

/** A stream that the tunnel has opened. */
class PeerStream extends Duplex {
  readonly id: number;
  readonly #socket: WebSocket;
  readonly #onAccepted: () => void;
  readonly #onOver: () => void;
  #window: number | undefined;
  #waiting: (() => void) | undefined;
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  #ended = false;
  #wanted = false;
  /** Bytes that were sent and not acknowledged yet. */
  #outstanding = 0;

  constructor(id: number, socket: WebSocket, onAccepted: () => void, onOver: () => void) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.#socket = socket;
    this.#onAccepted = onAccepted;
    this.#onOver = onOver;
  }

  data(payload: Buffer): string | undefined {
    if (this.#window === undefined) return 'data before the first ACK';
    if (this.#ended) return 'data after FIN';
    this.#heldBytes += payload.length;
    if (this.#heldBytes > BUFFER) return 'more data than the buffer takes';
    this.#held.push(payload);
    this.#hand();
    return undefined;
  }

  word(type: number, payload: Buffer): string | undefined {
    if (type === FIN) {
      if (this.#ended) return 'a second FIN';
      this.#ended = true;
      this.#hand();
      return undefined;
    }
    const bytes = payload.readUInt32LE(0);
    if (this.#window === undefined) {
      if (bytes > BUFFER) return 'a buffer that is larger than the tunnel’s';
      this.#window = bytes;
      this.#onAccepted();
    } else {
      if (bytes > this.#outstanding) return 'an ACK of more than was sent';
      this.#outstanding -= bytes;
      this.#window += bytes;
    }
    this.#waiting?.();
    return undefined;
  }

  override _read(): void {
    this.#wanted = true;
    this.#hand();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    void (async () => {
      for (let rest = chunk; rest.length > 0 && !this.destroyed;) {
        const window = this.#window ?? 0;
        if (window === 0) await new Promise<void>(resolve => (this.#waiting = resolve));
        const part = rest.subarray(0, this.#window);
        this.#window = (this.#window ?? 0) - part.length;
        this.#outstanding += part.length;
        rest = rest.subarray(part.length);
        if (part.length > 0) this.#socket.send(frame(DAT, this.id, part));
      }
      done();
    })();
  }

  override _final(done: () => void): void {
    this.#socket.send(frame(FIN, this.id));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#waiting?.();
    if (!this.writableFinished && this.#socket.readyState === 1) this.#socket.send(frame(FIN, this.id));
    this.#onOver();
    done(error);
  }

  #hand(): void {
    while (this.#wanted && this.#held.length > 0) {
      const data = this.#held.shift() ?? Buffer.alloc(0);
      this.#heldBytes -= data.length;
      this.#wanted = this.push(data);
      const consumed = Buffer.alloc(4);
      consumed.writeUInt32LE(data.length);
      this.#socket.send(frame(ACK, this.id, consumed));
    }
    if (this.#wanted && this.#ended) {
      this.#wanted = false;
      this.push(null);
    }
  }
}
