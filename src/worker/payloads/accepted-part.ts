import type { AcceptedPayload } from './format.ts';

/** The members of a larger property are not checked one by one. */
const MAX_MEMBERS = 100;

/**
 * Returns the part of a payload that its schema accepts: each valid property and, of invalid ones, each valid
 * member. Problems of the rest must not hide what a task lacks for its valid requests.
 *
 * @param least an empty payload that the schema accepts
 * @returns undefined if the schema does not even accept that
 */
export function acceptedPart(
  payload: unknown,
  isAccepted: (value: unknown) => boolean,
  least: AcceptedPayload,
): AcceptedPayload | undefined {
  if (!isAccepted(least)) return undefined;
  let part = least;
  for (const [name, value] of members(payload)) {
    for (const piece of piecesOf(value)) {
      const more = { ...part, [name]: joined(part[name], piece) };
      if (!isAccepted(more)) continue;
      part = more;
      if (piece === value) break;
    }
  }
  return part;
}

/** Returns a value as a whole, and then its members one by one, each in an object or a list of its own. */
function piecesOf(value: unknown): unknown[] {
  const inside = members(value);
  if (inside.length > MAX_MEMBERS) return [value];
  return [value, ...inside.map(([name, member]) => (Array.isArray(value) ? [member] : { [name]: member }))];
}

function joined(some: unknown, piece: unknown): unknown {
  if (Array.isArray(some) && Array.isArray(piece)) return [...(some as unknown[]), ...(piece as unknown[])];
  if (isObject(some) && isObject(piece)) return { ...some, ...piece };
  return piece;
}

function members(value: unknown): [name: string, member: unknown][] {
  return isObject(value) || Array.isArray(value) ? Object.entries(value) : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
