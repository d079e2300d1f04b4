import type { Duplex, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher, Pool } from 'undici';
import type { Address } from './address.ts';
import { codeOf, DockerError } from './docker-error.ts';

/** A call of the engine's API. */
export interface Call {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Without the version: `/containers/create`. What is put into it has to be encoded. */
  readonly path: string;
  /** What is undefined is left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** An object is sent as JSON; a stream as it is, as fast as the engine takes it. */
  readonly body?: object | Readable | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * How long the engine may take to answer, in ms, and a body that is not a stream included. 0 is for ever.
   * {@link SHORT_MS} unless given.
   */
  readonly timeoutMs?: number | undefined;
  /** How long a body that is a stream may pause, in ms, while it is waited for. For ever unless given. */
  readonly silenceMs?: number | undefined;
  /**
   * Whether it may be made twice. Then it is made again when the connection was broken already, as those are that were left
   * open when the engine was started anew. Calls that are no POST and no PUT may be, unless this says otherwise.
   */
  readonly isRepeatable?: boolean | undefined;
}

/** An answer whose body is read as it comes. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Has to be read to its end, or destroyed. */
  readonly body: Readable;
}

/** How long an engine may take for what it does at once, in ms. A busy machine has seconds of delay. */
const SHORT_MS = 60_000;

/** What is said of a connection that the other side has closed. */
const BROKEN: readonly string[] = ['EPIPE', 'ECONNRESET', 'UND_ERR_SOCKET'];
const MOST_TRIES = 3;
/** What is said where nobody listens. The call was not sent, so it can be made again whatever it does. */
const ABSENT: readonly string[] = ['ECONNREFUSED', 'ENOENT'];
/** How often an absent engine is tried again, in ms. */
const ABSENT_AGAIN_MS = 100;

/**
 * How much of a body is read ahead, in bytes. Whoever reads it gets all of that in one piece, so that a large file takes
 * fewer turns: an engine writes 32 KB at a time.
 */
const AHEAD_BYTES = 1024 * 1024;

/** The most that is read of what an engine says about an error, in bytes. */
const LONGEST_MESSAGE = 64 * 1024;

/**
 * Calls an engine through its HTTP API. Every error is a {@link DockerError} that says which call it was, or the reason of the
 * call's signal.
 */
export class DockerClient implements AsyncDisposable {
  readonly address: Address;
  readonly #pool: Pool;
  readonly #prefix: string;
  readonly #absentMs: number;
  /** `performance.now()` of the first call that found no engine, while none has found one since. */
  #absentSince: number | undefined;

  /**
   * @param version of the API, `1.41`; undefined: the engine's own choice
   * @param absentMs how long calls wait for an engine that has stopped listening, in ms: it may be restarting
   */
  constructor(address: Address, pool: Pool, version?: string, absentMs = 0) {
    this.address = address;
    this.#pool = pool;
    this.#prefix = version === undefined ? '' : `/v${version}`;
    this.#absentMs = absentMs;
  }

  /** Makes a call whose answer is JSON, or nothing. */
  async json<T>(call: Call): Promise<T> {
    return this.#within(call, async signal => {
      const answer = await this.#request(call, signal);
      const text = await answer.body.text();
      return (text === '' ? undefined : JSON.parse(text)) as T;
    });
  }

  /** Makes a call whose answer has only headers: their names are in small letters. */
  async head(call: Omit<Call, 'method'>): Promise<Answer['headers']> {
    const whole: Call = { ...call, method: 'HEAD' };
    return this.#within(whole, async signal => {
      const { headers, body } = await this.#request(whole, signal);
      await body.dump();
      return headers;
    });
  }

  /** Makes a call whose answer is a stream, which the signal of the call ends, too. The timeout ends with the headers. */
  async stream(call: Call): Promise<Answer> {
    const { statusCode, headers, body } = await this.#within(call, signal => this.#request(call, signal));
    return { status: statusCode, headers, body };
  }

  /** Opens a connection through which bytes go both ways. Whoever gets it has to destroy it. */
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
    for (let tries = isRepeatable ? MOST_TRIES : 1; ; tries--) {
      try {
        return await this.#whenThere(signal, () => this.#requestOnce(call, signal), !isStream(call.body));
      } catch (error) {
        const isBroken = BROKEN.includes(codeOf(error) ?? '');
        if (!isBroken || tries <= 1 || signal.aborted) throw error;
      }
    }
  }

  /** Makes a call, and makes it again while no engine listens, until that has lasted too long. */
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
        // All calls together wait only once: when an engine does not come back, the later ones fail at once.
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

  /** Bounds a call in time, and says in errors which it was. */
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

/** What an engine says about an error: JSON with a message, mostly. */
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
    // Something between us and the engine has answered.
  }
  return text;
}
