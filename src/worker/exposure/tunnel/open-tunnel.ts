import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter, ServiceError, type Backoff, type Secret } from '../../../base/index.ts';
import { connectTunnel, TunnelRefused, type Connected } from './connect.ts';
import { Session } from './session.ts';
import { tunnelToken, type IssuedToken } from './tunnel-token.ts';

export interface TunnelOptions {
  /** Where the websocktunnel listens, `wss://host`: the property `wstServerURL`. */
  readonly serverUrl: string;
  /** What the tunnel knows this worker by; its public URL ends with it. */
  readonly id: string;
  /** Asks the auth service for a token for this id. The signal ends that at once. */
  readonly askToken: (signal: AbortSignal) => Promise<IssuedToken>;
  /** Told of each token, so that logs can hide it. */
  readonly onToken?: (token: Secret) => void;
  /** Told of a connection that was lost or not made: the next is tried after `waitMs`. */
  readonly onLost?: (reason: string, waitMs: number) => void;
  /** Told when the tunnel is back after that. */
  readonly onBack?: () => void;
  /** Time between two pings, in ms: 20 s as websocktunnel has it, unless given. */
  readonly pingMs?: number;
  readonly backoff?: Backoff;
  /** How long the first connection may take, all tries together, in ms: 30 s unless given. */
  readonly firstWithinMs?: number;
  readonly random?: () => number;
}

/** A way to a server of this process for whoever can reach the tunnel. */
export interface Tunnel extends AsyncDisposable {
  /** What public URLs begin with, without a slash at the end. It stays the same when the connection is made again. */
  readonly prefix: string;
}

/** As websocktunnel's own client has it, but that never gives up. */
const BACKOFF: Backoff = { baseMs: 500, capMs: 60_000 };
const PING_MS = 20_000;
const FIRST_WITHIN_MS = 30_000;
/** A connection that lasted as long as this, in ms, is a success: the next loss starts with short waits again. */
const LASTING_MS = 10_000;

/**
 * Connects a server to the world by a websocktunnel. Each stream of the tunnel becomes a connection of the server. A connection that
 * is lost is made again until the tunnel is disposed of; what readers had open through it ends with it.
 *
 * @throws Error when the first connection could not be made in time, or was refused
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
  /** Settles with the first connection. */
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

  /** Ends the wait for the first connection. */
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
        // Waiting does not mend what the auth service refuses.
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

  /** Settles with the reason when the connection has ended. */
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
