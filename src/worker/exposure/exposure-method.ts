import type { Server } from 'node:http';
import type { Tls } from './tls.ts';

/** The address at which the worker's HTTP server can be reached from outside. */
export interface PublicEndpoint extends AsyncDisposable {
  /** The start of public URLs: `https://host:port`, or the client URL of a tunnel. It has no trailing slash. */
  readonly prefix: string;
}

/** A configured method of making the worker reachable from outside. */
export interface ExposureMethod {
  /** The configuration property that selects this method. */
  readonly name: string;
  /** The TLS certificate and key of the worker's server. Undefined: plain HTTP. */
  readonly tls?: Tls | undefined;
  /**
   * Makes the server listen, or passes connections to it (`server.emit('connection', duplex)`). The server's owner
   * closes the endpoint first, then the server.
   */
  open(server: Server): Promise<PublicEndpoint>;
}
