import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Makes a worker reachable from outside. Each worker has one exposure, which opens its HTTP server at the first use.
 */
export interface Exposure extends AsyncDisposable {
  /** The name of the configured method, such as `publicIP`. Undefined if none is configured. */
  readonly method: string | undefined;
  /**
   * Serves the requests whose path begins with `/<name>/<secret>`. The secret is new, cannot be guessed, and is
   * compared in constant time.
   *
   * @param name `log` or `shell`
   * @throws ExposureNotConfigured if no method is configured; Error if the endpoint cannot be opened, in which case the next call tries again
   */
  open(name: string, handler: Handler): Promise<Exposed>;
}

/** Handles the requests for something that is exposed. */
export interface Handler {
  /** Answers a request. CORS headers have already been set on the response. */
  request(request: IncomingMessage, response: ServerResponse): void;
  /** Handles a WebSocket handshake. Without this method, handshakes are refused. */
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** Something that is exposed. After disposal, new requests are refused. Requests in progress are not interrupted. */
export interface Exposed extends AsyncDisposable {
  /**
   * The URL for access from outside: `https://…/log/<secret>`. For a WebSocket, replace the scheme. The URL does not
   * change while the exposure is open.
   */
  readonly url: string;
}

/** The configuration does not say how the worker can be reached from outside. */
export class ExposureNotConfigured extends Error {
  override readonly name = 'ExposureNotConfigured';

  constructor() {
    super('this worker cannot be reached from outside: configure publicIP, or wstServerURL and wstAudience');
  }
}
