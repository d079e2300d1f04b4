import fc from 'fast-check';
import { expect } from 'vitest';
import type { Deployment } from './deployment.ts';

interface DamagedShape {
  readonly payload: object;
  readonly scopes: readonly string[];
}

interface Damage {
  /** Index of the damaged place in the payload. */
  readonly place: number;
  readonly how: 'replace' | 'remove' | 'repeat' | 'rename' | 'add';
  readonly value: unknown;
}

/**
 * Replacements for values in a payload. None is useful for a mount or a command: a path such as `/` would be a harmful
 * target, not a damaged one. There is no NUL, because the queue does not accept it.
 */
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  -1,
  0,
  1,
  1.5,
  1e300,
  '',
  ' ',
  'x',
  '../x',
  './',
  '.',
  'a/../../x',
  'é\u202e\ud800',
  'x'.repeat(5_000),
  [],
  {},
  [[]],
  [{}],
  ['x'],
  { x: {} },
  JSON.parse('{"__proto__": {"x": 1}, "constructor": "x", "toString": 1}'),
  [[[[[[[['deep']]]]]]]],
];

/** Damages shapes at random, and has each small batch of them judged. */
export async function damagedShapes(
  shapes: readonly DamagedShape[],
  judge: (damaged: readonly DamagedShape[]) => Promise<void>,
): Promise<void> {
  const damage: fc.Arbitrary<Damage> = fc.record({
    place: fc.nat(),
    how: fc.constantFrom('replace', 'remove', 'repeat', 'rename', 'add'),
    value: fc.constantFrom(...VALUES),
  });
  const damaged = fc
    .tuple(fc.constantFrom(...shapes), fc.array(damage, { minLength: 1, maxLength: 3 }))
    .map(([{ payload, scopes }, all]) => {
      const copy: Record<string, unknown> = { ...structuredClone(payload) };
      for (const each of all) apply(copy, each);
      return { payload: copy, scopes };
    });
  await fc.assert(fc.asyncProperty(fc.array(damaged, { minLength: 6, maxLength: 6 }), judge), {
    numRuns: 20,
    // Finding a smaller example would take too long.
    endOnFailure: true,
  });
}

/** Expects that damaged tasks have ended in a permitted way, and none because of an error of the worker. */
export async function expectResolved(
  local: Pick<Deployment, 'resolved' | 'log'>,
  taskIds: readonly string[],
  damaged: readonly DamagedShape[],
): Promise<void> {
  for (const [index, taskId] of taskIds.entries()) {
    const { state, runs } = await local.resolved(taskId);
    const { reasonResolved } = runs.at(-1) ?? {};
    const description = `${JSON.stringify(damaged[index]?.payload)}\n${await local.log(taskId, runs.length - 1).catch(String)}`;
    expect(['completed', 'failed', 'malformed-payload', 'intermittent-task'], description).toContain(
      reasonResolved,
    );
    expect(state === 'exception', description).toBe(/malformed|intermittent/.test(reasonResolved ?? ''));
  }
}

type Holder = Record<string, unknown> | unknown[];

function apply(payload: Record<string, unknown>, { place, how, value: given }: Damage): void {
  // Several payloads may get the same value, and later damage must affect only one of them.
  const value = structuredClone(given);
  const places = placesIn(payload);
  const chosen = places[place % places.length];
  if (!chosen) return;
  const [holder, key] = chosen;
  if (Array.isArray(holder)) {
    const index = Number(key);
    if (how === 'replace') holder[index] = value;
    else if (how === 'remove') holder.splice(index, 1);
    else holder.splice(index, 0, how === 'add' ? value : structuredClone(holder[index]));
    return;
  }
  const present = holder[key];
  if (how === 'remove' || how === 'rename') Reflect.deleteProperty(holder, key);
  if (how === 'rename') holder[`${key}s`] = present;
  if (how === 'replace') holder[key] = value;
  if (how === 'add') holder.added = value;
  if (how === 'repeat') holder[key] = [present, present];
}

/** All places in a payload, each with its holder. Scripts are left out, because half a script might do anything. */
function placesIn(value: unknown): [Holder, string][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    [value as Holder, key] as [Holder, string],
    ...placesIn(inner),
  ]);
}
