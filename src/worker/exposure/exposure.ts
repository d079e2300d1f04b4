import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** How somebody outside reaches this worker. One for each worker: its HTTP server is opened when it is first needed. */
export interface Exposure extends AsyncDisposable {
  /** How the worker is reached, such as `publicIP`; undefined where its configuration names no way. */
  readonly way: string | undefined;
  /**
   * Serves the requests whose path begins with `/<name>/<secret>`. The secret is new and unguessable, and is compared in constant
   * time.
   *
   * @param name `log` or `shell`
   * @throws NoWayIn where the configuration names no way; Error when the way cannot be opened: the next call tries again
   */
  open(name: string, handler: Handler): Promise<Exposed>;
}

/** Answers the requests for something that is exposed. */
export interface Handler {
  /** The response has its CORS headers already. */
  request(request: IncomingMessage, response: ServerResponse): void;
  /** A websocket's handshake. Without it, handshakes are refused. */
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** Something that is exposed. Disposing of it refuses new requests, and leaves those that are being answered alone. */
export interface Exposed extends AsyncDisposable {
  /**
   * Where it is reached from outside: `https://…/log/<secret>`. For a websocket, replace the scheme. It stays the same while the
   * exposure is open.
   */
  readonly url: string;
}

/** The worker's configuration names no way by which it is reached from outside. */
export class NoWayIn extends Error {
  override readonly name = 'NoWayIn';

  constructor() {
    super('this worker cannot be reached from outside: configure publicIP, or wstServerURL and wstAudience');
  }
}
