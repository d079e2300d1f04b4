import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter, ServiceError, type Backoff, type Secret } from '../../../base/index.ts';
import { connectTunnel, TunnelRefused, type Connected } from './connect.ts';
import { Session } from './session.ts';
import { tunnelToken, type IssuedToken } from './tunnel-token.ts';

export interface TunnelOptions {
  /** The websocktunnel's URL, `wss://host`, from the property `wstServerURL`. */
  readonly serverUrl: string;
  /** Identifies this worker to the tunnel. The public URL ends with it. */
  readonly id: string;
  /** Requests a token for this id from the auth service. The signal aborts the request at once. */
  readonly askToken: (signal: AbortSignal) => Promise<IssuedToken>;
  /** Called with each token, so that logs can hide it. */
  readonly onToken?: (token: Secret) => void;
  /** Called when a connection was lost or could not be opened. The next attempt is after `waitMs`. */
  readonly onLost?: (reason: string, waitMs: number) => void;
  /** Called when the tunnel is connected again after that. */
  readonly onBack?: () => void;
  /** The interval between pings, in ms. The default is 20 s, as in websocktunnel. */
  readonly pingMs?: number;
  readonly backoff?: Backoff;
  /** How long the first connection may take in total, including retries, in ms. The default is 30 s. */
  readonly firstWithinMs?: number;
  readonly random?: () => number;
}

/** Lets everyone who can reach the tunnel reach a server of this process. */
export interface Tunnel extends AsyncDisposable {
  /** The start of public URLs, without a trailing slash. It does not change when the tunnel reconnects. */
  readonly prefix: string;
}

/** Like websocktunnel's own client, except that this one never gives up. */
const BACKOFF: Backoff = { baseMs: 500, capMs: 60_000 };
const PING_MS = 20_000;
const FIRST_WITHIN_MS = 30_000;
/** After a connection that lasted this long, in ms, reconnecting starts with short waits again. */
const LASTING_MS = 10_000;

/**
 * Makes a server reachable through a websocktunnel. Each stream of the tunnel becomes a connection to the server. If
 * the connection to the tunnel is lost, the readers' connections through it end. The tunnel reconnects until it is
 * disposed.
 *
 * @throws Error if the first connection could not be opened in time or was refused
 */
export async function openTunnel(options: TunnelOptions, server: Server): Promise<Tunnel> {
  const { firstWithinMs = FIRST_WITHIN_MS } = options;
  const tunnel = new ReconnectingTunnel(options, server);
  const late = setTimeout(() => {
    tunnel.giveUp(
      new Error(`the tunnel at ${options.serverUrl} has not answered in ${firstWithinMs / 1_000} s`),
    );
  }, firstWithinMs);
  try {
    await tunnel.connected;
    return tunnel;
  } catch (error) {
    await tunnel[Symbol.asyncDispose]();
    throw error;
  } finally {
    clearTimeout(late);
  }
}

class ReconnectingTunnel implements Tunnel {
  /** Settles when the first connection is open or has failed. */
  readonly connected: Promise<void>;
  readonly #options: TunnelOptions;
  readonly #server: Server;
  readonly #token: ReturnType<typeof tunnelToken>;
  readonly #end = new AbortController();
  readonly #life: Promise<void>;
  #prefix: string | undefined;
  #lastProblem: unknown;
  #first = Promise.withResolvers<void>();

  constructor(options: TunnelOptions, server: Server) {
    this.#options = options;
    this.#server = server;
    this.#token = tunnelToken(
      () => options.askToken(this.#end.signal),
      token => options.onToken?.(token),
    );
    this.connected = this.#first.promise;
    this.#life = this.#live();
  }

  get prefix(): string {
    return this.#prefix ?? '';
  }

  /** Stops waiting for the first connection. */
  giveUp(error: Error): void {
    this.#first.reject(this.#lastProblem ?? error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new Error('the tunnel is closed'));
    await this.#life;
  }

  async #live(): Promise<void> {
    const { backoff = BACKOFF, random = Math.random, onLost, onBack } = this.#options;
    const { signal } = this.#end;
    let attempt = 0;
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      let reason: string;
      try {
        const connected = await this.#connect();
        if (!isFirst) onBack?.();
        const lasted = performance.now();
        reason = await this.#serve(connected);
        if (performance.now() - lasted >= LASTING_MS) attempt = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#lastProblem = error;
        // If the auth service refuses, waiting does not help.
        if (error instanceof ServiceError && !error.transient) this.#first.reject(error);
        reason = (error as Error).message;
      }
      if (signal.aborted) return;
      const waitMs = fullJitter(++attempt, backoff, random);
      onLost?.(reason, Math.round(waitMs));
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #connect(): Promise<Connected> {
    const { serverUrl, id } = this.#options;
    const token = await this.#token.get();
    try {
      return await connectTunnel(serverUrl, id, token.reveal(), this.#end.signal);
    } catch (error) {
      if (error instanceof TunnelRefused && error.status < 500) this.#token.forget();
      throw error;
    }
  }

  /** Resolves with the reason when the connection has ended. */
  async #serve({ socket, clientUrl }: Connected): Promise<string> {
    const { pingMs = PING_MS } = this.#options;
    const session = new Session(socket, {
      pingMs,
      onStream: stream => {
        this.#server.emit('connection', stream);
      },
    });
    const close = () => {
      session.close();
    };
    this.#end.signal.addEventListener('abort', close, { once: true });
    if (this.#end.signal.aborted) close();
    this.#prefix ??= clientUrl;
    this.#first.resolve();
    try {
      return await session.ended;
    } finally {
      this.#end.signal.removeEventListener('abort', close);
    }
  }
}
