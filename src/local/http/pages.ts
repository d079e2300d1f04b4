import { ApiError } from '../errors.ts';

export interface PageQuery {
  readonly continuationToken?: string;
  readonly limit?: string;
}

const MAX_ITEMS = 1_000;

/**
 * Returns the page of a list that a query asks for.
 *
 * @throws ApiError `InputError` for a token that this queue did not issue
 */
export function pageOf<T>(
  items: readonly T[],
  { continuationToken, limit }: PageQuery,
): { items: readonly T[]; continuationToken?: string } {
  const size = Math.min(Number(limit ?? MAX_ITEMS), MAX_ITEMS);
  const start =
    continuationToken === undefined ? 0 : Number(Buffer.from(continuationToken, 'base64url').toString());
  if (!Number.isInteger(start)) throw new ApiError('InputError', 'Invalid continuation token');
  const end = start + size;
  return {
    items: items.slice(start, end),
    ...(end < items.length && { continuationToken: Buffer.from(String(end)).toString('base64url') }),
  };
}
