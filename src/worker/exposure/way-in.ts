import type { Server } from 'node:http';
import type { Tls } from './tls.ts';

/** An open way from outside to the worker's HTTP server. */
export interface WayIn extends AsyncDisposable {
  /** The start of public URLs: `https://host:port`, or the client URL of a tunnel. It has no trailing slash. */
  readonly prefix: string;
}

/** A way that is configured. */
export interface Way {
  /** The configuration property that selects this way. */
  readonly name: string;
  /** The TLS certificate and key of the worker's server. Undefined: plain HTTP. */
  readonly tls?: Tls | undefined;
  /**
   * Opens the way: makes the server listen, or passes connections to it (`server.emit('connection', duplex)`). The
   * server's owner closes the server after the way.
   */
  open(server: Server): Promise<WayIn>;
}
