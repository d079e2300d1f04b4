import type { Got } from './http-get.ts';

/** What the head of an answer says of the content. */
export interface Answer {
  /** The place of the first byte that follows; `Infinity` where the server does not say. */
  readonly from: number;
  /** Of all the content as it is sent, in bytes; undefined where the server does not say. */
  readonly total: number | undefined;
  readonly encoding: 'identity' | 'gzip';
  /** By which the server knows this very content again; undefined where nothing is that certain. */
  readonly validator: string | undefined;
  /** Whether this is of the same content as an earlier answer. */
  continues(earlier: Answer): boolean;
}

/** Reads the head of an answer with the status 200 or 206. */
export function readAnswer({ statusCode, headers }: Got): Answer {
  const one = (name: string) => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const range = statusCode === 206 ? /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(one('content-range') ?? '') : null;
  const from = statusCode === 206 ? Number(range?.[1] ?? NaN) : 0;
  const length = numberOf(one('content-length'));
  const total = statusCode === 206 ? numberOf(range?.[2]) : length;
  // Any other encoding is left as it is, as generic-worker leaves it.
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
