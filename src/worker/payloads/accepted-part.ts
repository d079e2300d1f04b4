import type { AcceptedPayload } from './format.ts';

/** Of a property with more members than this, none is looked at by itself. */
const MOST_MEMBERS = 100;

/**
 * As much of a payload as its schema accepts: each property that is right and, of those that are not, each right member. What is
 * wrong with the rest must not hide what a task lacks for what it plainly asks.
 *
 * @param least what the schema accepts of a payload that says nothing
 * @returns undefined where the schema does not accept even that
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

/** A value as a whole, and then its members one by one, each in an object or a list of its own. */
function piecesOf(value: unknown): unknown[] {
  const inside = members(value);
  if (inside.length > MOST_MEMBERS) return [value];
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
