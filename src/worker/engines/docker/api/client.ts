import type { Duplex, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher, Pool } from 'undici';
import type { Address } from './address.ts';
import { codeOf, DockerError } from './docker-error.ts';

/** A call to the engine's API. */
export interface Call {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Without the API version, and with its parts encoded: `/containers/create`. */
  readonly path: string;
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** An object is sent as JSON. A stream is sent unchanged, as fast as the engine reads it. */
  readonly body?: object | Readable | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Time limit for the answer in ms, including a body that is not a stream. 0: no limit. Default: {@link SHORT_MS}. */
  readonly timeoutMs?: number | undefined;
  /** Longest pause in ms in a streamed body. Default: no limit. */
  readonly silenceMs?: number | undefined;
  /**
   * Whether the call may be repeated after its connection turned out to be broken, as connections are that survived a
   * restart of the engine. Default: true, except for POST and PUT.
   */
  readonly isRepeatable?: boolean | undefined;
}

/** An answer with a streamed body. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Read it to its end, or destroy it. */
  readonly body: Readable;
}

/** Time limit in ms for calls that the engine answers immediately. A busy machine can delay them by seconds. */
const SHORT_MS = 60_000;

/** Error codes of a connection that the other side has closed. */
const BROKEN: readonly string[] = ['EPIPE', 'ECONNRESET', 'UND_ERR_SOCKET'];
const MAX_TRIES = 3;
/** Error codes where nobody listens. The call was not sent, so it can always be repeated. */
const ABSENT: readonly string[] = ['ECONNREFUSED', 'ENOENT'];
/** Pause in ms between two tries to reach an absent engine. */
const ABSENT_AGAIN_MS = 100;

/**
 * Read-ahead of bodies in bytes. The reader gets it in one chunk: an engine writes only 32 KB at a time, and large
 * files would need many turns of the event loop.
 */
const AHEAD_BYTES = 1024 * 1024;

/** Longest error message of an engine that is read, in bytes. */
const LONGEST_MESSAGE = 64 * 1024;

/**
 * Calls an engine's HTTP API. Every error is a {@link DockerError} that names the call, or the reason of the call's
 * signal.
 */
export class DockerClient implements AsyncDisposable {
  readonly address: Address;
  readonly #pool: Pool;
  readonly #prefix: string;
  readonly #absentMs: number;
  /** `performance.now()` of the first call that found no engine; undefined while the engine is there. */
  #absentSince: number | undefined;

  /**
   * @param version of the API, such as `1.41`; undefined: the engine chooses
   * @param absentMs how long calls wait for an engine that has stopped listening, in ms: it may be restarting
   */
  constructor(address: Address, pool: Pool, version?: string, absentMs = 0) {
    this.address = address;
    this.#pool = pool;
    this.#prefix = version === undefined ? '' : `/v${version}`;
    this.#absentMs = absentMs;
  }

  /** Makes a call with a JSON answer, or an empty one. */
  async json<T>(call: Call): Promise<T> {
    return this.#within(call, async signal => {
      const answer = await this.#request(call, signal);
      const text = await answer.body.text();
      return (text === '' ? undefined : JSON.parse(text)) as T;
    });
  }

  /** Makes a HEAD call. The names of the headers are in lower case. */
  async head(call: Omit<Call, 'method'>): Promise<Answer['headers']> {
    const whole: Call = { ...call, method: 'HEAD' };
    return this.#within(whole, async signal => {
      const { headers, body } = await this.#request(whole, signal);
      await body.dump();
      return headers;
    });
  }

  /**
   * Makes a call with a streamed answer. The call's signal ends the stream, too. The timeout covers only the headers.
   */
  async stream(call: Call): Promise<Answer> {
    const { statusCode, headers, body } = await this.#within(call, signal => this.#request(call, signal));
    return { status: statusCode, headers, body };
  }

  /** Opens a bidirectional connection. The caller destroys it. */
  async upgrade(call: Omit<Call, 'method'>): Promise<Duplex> {
    return this.#within({ ...call, method: 'POST' }, async signal => {
      const path = this.#pathOf(call);
      const sent = call.body && {
        body: JSON.stringify(call.body),
        headers: { 'content-type': 'application/json' },
      };
      const { socket } = await this.#whenThere(signal, () =>
        this.#pool.upgrade({ path, method: 'POST', protocol: 'tcp', signal, ...sent }),
      );
      return socket;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.destroy();
  }

  #pathOf({ path, query = {} }: Pick<Call, 'path' | 'query'>): string {
    const words = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
    );
    return `${this.#prefix}${path}${words.length === 0 ? '' : '?'}${words.join('&')}`;
  }

  async #request(call: Call, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { method, isRepeatable = method !== 'POST' && method !== 'PUT' } = call;
    for (let tries = isRepeatable ? MAX_TRIES : 1; ; tries--) {
      try {
        return await this.#whenThere(signal, () => this.#requestOnce(call, signal), !isStream(call.body));
      } catch (error) {
        const isBroken = BROKEN.includes(codeOf(error) ?? '');
        if (!isBroken || tries <= 1 || signal.aborted) throw error;
      }
    }
  }

  /** Makes a call, and repeats it while no engine listens, up to `absentMs`. */
  async #whenThere<T>(signal: AbortSignal, call: () => Promise<T>, canRepeat = true): Promise<T> {
    for (;;) {
      try {
        const result = await call();
        this.#absentSince = undefined;
        return result;
      } catch (error) {
        if (!ABSENT.includes(codeOf(error) ?? '')) {
          this.#absentSince = undefined;
          throw error;
        }
        // All calls share one wait. If the engine does not come back, later calls fail immediately.
        this.#absentSince ??= performance.now();
        const isOver = performance.now() - this.#absentSince >= this.#absentMs;
        if (isOver || !canRepeat || signal.aborted) throw error;
      }
      await sleep(ABSENT_AGAIN_MS, undefined, { signal });
    }
  }

  /** @throws DockerError for an answer that is an error */
  async #requestOnce(call: Call, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { method, headers, body, silenceMs } = call;
    const isJson = body !== undefined && !isStream(body);
    const answer = await this.#pool.request({
      path: this.#pathOf(call),
      method,
      headers: { ...(isJson && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: isJson ? JSON.stringify(body) : body }),
      signal,
      ...(silenceMs !== undefined && { bodyTimeout: silenceMs }),
      highWaterMark: AHEAD_BYTES,
    });
    if (answer.statusCode < 400) return answer;
    const message = await messageIn(answer.body);
    const words = message === '' ? `it answered with status ${answer.statusCode}` : message;
    throw new DockerError(words, { status: answer.statusCode });
  }

  /** Adds the time limit to a call, and the call's name to its errors. */
  async #within<T>(call: Call, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { method, path, signal, timeoutMs = SHORT_MS } = call;
    signal?.throwIfAborted();
    const end = new AbortController();
    const timer = timeoutMs === 0 ? undefined : setTimeout(() => end.abort(), timeoutMs);
    const signals = [end.signal, ...(signal ? [signal] : [])];
    try {
      return await work(AbortSignal.any(signals));
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof DockerError) throw error;
      const { name } = this.address;
      const what = `${method} ${path}`;
      if (end.signal.aborted) {
        throw new DockerError(
          `the Docker engine at ${name} has not answered ${what} in ${timeoutMs / 1_000} s`,
          {
            cause: error,
          },
        );
      }
      const why = codeOf(error) ?? (error as Error).message;
      throw new DockerError(`the Docker engine at ${name} has not answered ${what}: ${why}`, {
        cause: error,
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

function isStream(body: object | undefined): body is Readable {
  return typeof (body as Partial<Readable> | undefined)?.pipe === 'function';
}

/** Reads the message of an error: usually JSON with a `message`. */
async function messageIn(body: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body) {
    parts.push(part as Buffer);
    length += (part as Buffer).length;
    if (length > LONGEST_MESSAGE) break;
  }
  const text = Buffer.concat(parts).toString('utf8', 0, LONGEST_MESSAGE).trim();
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string') return message;
  } catch {
    // The answer is not JSON: it comes from a proxy or another server.
  }
  return text;
}
