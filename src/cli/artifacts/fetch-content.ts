import { setTimeout as sleep } from 'node:timers/promises';
import { fetch, type Dispatcher, type Response } from 'undici';
import { proxiedAgent } from '../../taskcluster/index.ts';

/** A live log may be silent for hours, so the time limit applies only until the response headers arrive. */
const OPTIONS = { headersTimeout: 30_000, bodyTimeout: 0, connect: { timeout: 15_000 } };
let agent: Promise<Dispatcher> | undefined;
const TRIES = 4;
const AGAIN_MS = 500;

/** The content could not be fetched. Has the status of the response, if there was one. */
export class NotFetched extends Error {
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/**
 * Starts to fetch the content of a URL, following redirects. No credentials are sent. The content is decompressed if
 * the response is marked as compressed.
 *
 * @param from offset of the first byte to fetch
 * @throws NotFetched. The message names only the host, because the rest of the URL may be a secret
 */
export async function fetchContent(url: string, from?: number): Promise<Response> {
  const headers = {
    // A byte range must count the bytes of the log itself, not those of a compressed form.
    'accept-encoding': 'identity',
    'user-agent': 'tcw',
    ...(from !== undefined && { range: `bytes=${from}-` }),
  };
  let response: Response;
  try {
    response = await fetch(url, { headers, dispatcher: await (agent ??= proxiedAgent(OPTIONS)) });
  } catch (error) {
    throw new NotFetched(`${hostOf(url)} cannot be reached: ${causeOf(error)}`);
  }
  if (response.ok) return response;
  await response.body?.cancel();
  throw new NotFetched(`${hostOf(url)} answers with status ${response.status}`, response.status);
}

/**
 * Fetches content, and retries when the server does not answer or is busy.
 *
 * @param take called with the response of each try, from the beginning of the content
 */
export async function fetchWithRetries<T>(
  locate: () => Promise<string>,
  take: (response: Response) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await take(await fetchContent(await locate()));
    } catch (error) {
      if (!mayHelpToRetry(error) || attempt === TRIES) throw error;
      await sleep(AGAIN_MS * 2 ** attempt);
    }
  }
}

function mayHelpToRetry(error: unknown): boolean {
  if (!(error instanceof NotFetched)) return false;
  return error.status === undefined || error.status === 429 || error.status >= 500;
}

/** Yields the content in pieces. @throws NotFetched when the connection is lost */
export async function* piecesOf(response: Response): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of response.body ?? []) yield piece as Uint8Array;
  } catch (error) {
    throw new NotFetched(`the connection to ${hostOf(response.url)} was lost: ${causeOf(error)}`);
  }
}

function hostOf(url: string): string {
  return new URL(url).host;
}

function causeOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: Error & { code?: string } };
  if (cause?.code !== undefined) return cause.code;
  return cause && cause.message !== '' ? cause.message : message;
}
