import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { fullJitter, type Backoff } from '../../base/index.ts';
import type { Note } from '../note.ts';
import { RegistrationError } from '../registration/registration-error.ts';

/** A cloud's metadata service, which only the machine itself can reach. */
export interface MetadataService {
  /**
   * Makes one request.
   *
   * @returns the text of a 2xx answer; undefined for a 404
   * @throws MetadataError
   */
  readonly ask: Ask;
  /**
   * Does the same with retries, because the machine's network may not be ready yet. Refusals (4xx) are not retried.
   *
   * @throws RegistrationError
   */
  readonly askWithRetries: Ask;
}

type Ask = (question: Question, signal: AbortSignal) => Promise<string | undefined>;

export interface Question {
  readonly method?: 'GET' | 'PUT';
  /** The path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Timeout for the whole answer, in ms. The default is the service's timeout. */
  readonly timeoutMs?: number;
  /** Called with the ETag of a 2xx answer, if it has one. */
  readonly onEtag?: (etag: string) => void;
}

/** There was no answer, or one that no metadata service gives. */
export class MetadataError extends Error {
  override readonly name = 'MetadataError';
  readonly statusCode: number | undefined;

  constructor(message: string, statusCode?: number, options?: ErrorOptions) {
    super(message, options);
    this.statusCode = statusCode;
  }

  /** Whether the same request may succeed later. */
  get transient(): boolean {
    return this.statusCode === undefined || this.statusCode >= 500 || this.statusCode === 429;
  }
}

interface ServiceOptions {
  /** The cloud's name in messages, such as `AWS`. */
  readonly cloud: string;
  /** The URL of the service, such as `http://169.254.169.254`. */
  readonly url: string;
  readonly timeoutMs: number;
  readonly note: Note;
  readonly backoff?: Backoff;
  /** How long `askWithRetries` retries, in ms. */
  readonly patienceMs?: number;
}

/** Limit for answers, in bytes. No honest answer is longer. */
const LARGEST = 512 * 1024;
const BACKOFF: Backoff = { baseMs: 500, capMs: 10_000 };
const PATIENCE_MS = 300_000;

/**
 * Connects to a metadata service. Redirects are not followed and no proxy is used, since the service is on the
 * machine's own link.
 */
export function metadataService(options: ServiceOptions): MetadataService {
  const { cloud, url, timeoutMs, note, backoff = BACKOFF, patienceMs = PATIENCE_MS } = options;
  const ask = async (question: Question, signal: AbortSignal) => {
    const until = AbortSignal.any([signal, AbortSignal.timeout(question.timeoutMs ?? timeoutMs)]);
    try {
      return await answer(url, question, until);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof MetadataError) throw error;
      throw new MetadataError(until.aborted ? 'no answer in time' : (error as Error).message, undefined, {
        cause: error,
      });
    }
  };
  return {
    ask,
    askWithRetries: async (question, signal) => {
      const lastTryAt = performance.now() + patienceMs;
      for (let attempt = 1; ; attempt++) {
        try {
          return await ask(question, signal);
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof MetadataError)) throw error;
          if (!error.transient || performance.now() > lastTryAt) throw silent(cloud, url, question, error);
          const waitMs = fullJitter(attempt, backoff);
          note('warn', `the metadata service of ${cloud} does not answer; asking again soon`, {
            err: error,
            waitMs,
          });
          await sleep(waitMs, undefined, { signal }).catch(() => undefined);
          signal.throwIfAborted();
        }
      }
    },
  };
}

function silent(cloud: string, url: string, { path }: Question, error: MetadataError): RegistrationError {
  const [where = ''] = path.split('?', 1);
  const message = `the metadata service of ${cloud} at ${url} does not answer ${where}: ${error.message}; is this a machine of ${cloud}?`;
  return new RegistrationError('machine', message, { cause: error });
}

/** Node's own dispatcher uses a proxy if the environment names one, and a proxy would ask for its own machine. */
let direct: Dispatcher | undefined;

async function answer(
  url: string,
  { method = 'GET', path, headers, onEtag }: Question,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { request, Agent } = await import('undici');
  direct ??= new Agent();
  const {
    statusCode,
    headers: answered,
    body,
  } = await request(`${url}${path}`, {
    dispatcher: direct,
    method,
    headers: { ...headers },
    signal,
  });
  // An abandoned body emits an error.
  body.on('error', () => undefined);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST)
      throw new MetadataError(`the answer is longer than ${LARGEST / 1024} KiB`, statusCode);
    chunks.push(chunk);
  }
  if (statusCode === 404) return undefined;
  if (statusCode < 200 || statusCode > 299)
    throw new MetadataError(`the answer is ${statusCode}`, statusCode);
  if (typeof answered.etag === 'string') onEtag?.(answered.etag);
  return Buffer.concat(chunks).toString('utf8');
}
