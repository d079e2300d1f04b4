import type { HttpAnswer } from './http-get.ts';

/** What the head of an answer says about the content. */
export interface Answer {
  /** The offset of the first byte that follows. `Infinity` if the server does not say. */
  readonly from: number;
  /** The complete size as sent, in bytes. Undefined if the server does not say. */
  readonly total: number | undefined;
  readonly encoding: 'identity' | 'gzip';
  /** The server's identifier for exactly this content. Undefined if there is no reliable one. */
  readonly validator: string | undefined;
  /** Whether this is the same content as in an earlier answer. */
  continues(earlier: Answer): boolean;
}

/** Reads the head of an answer with status 200 or 206. */
export function readAnswer({ statusCode, headers }: HttpAnswer): Answer {
  const one = (name: string) => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const range = statusCode === 206 ? /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(one('content-range') ?? '') : null;
  const from = statusCode === 206 ? Number(range?.[1] ?? NaN) : 0;
  const length = numberOf(one('content-length'));
  const total = statusCode === 206 ? numberOf(range?.[2]) : length;
  // Any other encoding is kept, as in generic-worker.
  const encoding = one('content-encoding')?.trim().toLowerCase() === 'gzip' ? 'gzip' : 'identity';
  const validator = strong(one('etag')) ?? one('last-modified');
  return {
    from: Number.isNaN(from) ? Infinity : from,
    total,
    encoding,
    validator,
    continues: earlier =>
      earlier.validator === validator &&
      earlier.encoding === encoding &&
      (earlier.total === undefined || total === undefined || earlier.total === total),
  };
}

function strong(etag: string | undefined): string | undefined {
  return etag === undefined || etag.startsWith('W/') ? undefined : etag;
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
