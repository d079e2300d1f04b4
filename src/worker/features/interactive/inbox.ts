import type { RawData, WebSocket } from 'ws';

type Take = (data: RawData, isBinary: boolean) => void;

/**
 * Keeps the messages of a WebSocket until there is a consumer, so that none is lost. Several can arrive at once. While
 * messages wait, the connection is paused.
 */
export class Inbox {
  readonly #socket: WebSocket;
  readonly #waiting: [RawData, boolean][] = [];
  #take: Take | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data, isBinary) => {
      if (this.#take) {
        this.#take(data, isBinary);
        return;
      }
      this.#waiting.push([data, isBinary]);
      socket.pause();
    });
  }

  /** Passes all messages to a consumer, starting with the first one that has not been taken yet. */
  open(take: Take): void {
    this.#take = take;
    while (this.#take === take && this.#waiting.length > 0) take(...this.#waiting.shift()!);
    if (this.#take === take) this.#socket.resume();
  }

  /** Takes one message. @throws the signal's reason */
  async one(signal: AbortSignal): Promise<{ readonly data: RawData; readonly isBinary: boolean }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ data: RawData; isBinary: boolean }>();
    const stop = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stop, { once: true });
    this.open((data, isBinary) => {
      this.#take = undefined;
      resolve({ data, isBinary });
    });
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}
