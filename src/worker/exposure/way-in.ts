import type { Server } from 'node:http';
import type { Tls } from './tls.ts';

/** A way from outside to the worker's HTTP server, while it is open. */
export interface WayIn extends AsyncDisposable {
  /** Public URLs begin with this: `https://host:port`, or the URL that a tunnel gives its clients. No slash at its end. */
  readonly prefix: string;
}

/** A way that the configuration names. */
export interface Way {
  /** The configuration property that names it. */
  readonly name: string;
  /** What the worker's server encrypts with; undefined where it speaks plain HTTP. */
  readonly tls?: Tls | undefined;
  /**
   * Opens the way: makes the server listen, or hands it connections (`server.emit('connection', duplex)`). The server is closed by its
   * owner, after the way.
   */
  open(server: Server): Promise<WayIn>;
}
