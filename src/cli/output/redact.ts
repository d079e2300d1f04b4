const REDACTED = '[redacted]';

/** Names of fields that contain secrets, in tcw's configuration, in credentials and in HTTP headers. In lower case. */
const SECRET_NAMES = new Set([
  'accesstoken',
  'authorization',
  'certificate',
  'password',
  'proxy-authorization',
  'pulsepassword',
  'signature',
]);

/**
 * Copies `value` as plain data, with `[redacted]` in place of every field that has the name of a secret, at any depth.
 * Objects with their own `toJSON`, such as `Secret`, use it. Fractions are rounded for readability.
 */
export function redacted(value: unknown, ancestors: readonly unknown[] = []): unknown {
  if (typeof value === 'number') return rounded(value);
  if (typeof value !== 'object' || value === null) return value;
  if (ancestors.includes(value)) return '[circular]';
  if (printsItself(value)) return value.toJSON();
  const inside = [...ancestors, value];
  if (Array.isArray(value)) return value.map(item => redacted(item, inside));
  return Object.fromEntries(
    ownEntries(value).map(([name, item]) => [
      name,
      SECRET_NAMES.has(name.toLowerCase()) ? REDACTED : redacted(item, inside),
    ]),
  );
}

/**
 * Rounds to an integer from 100 on, and to three digits below: 621.0297070611896 becomes 621, and 0.5123456 becomes
 * 0.512.
 */
function rounded(value: number): number {
  if (Number.isInteger(value)) return value;
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

function printsItself(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

/** Returns the entries of an object. The message and stack of an error are not enumerable, so they are added. */
function ownEntries(value: object): [string, unknown][] {
  const entries = Object.entries(value);
  if (!(value instanceof Error)) return entries;
  const { name, message, stack, cause } = value;
  return [
    ['type', name],
    ['message', message],
    ['stack', stack],
    ...(cause === undefined ? [] : [['cause', cause] satisfies [string, unknown]]),
    ...entries.filter(([key]) => !['name', 'message', 'stack', 'cause'].includes(key)),
  ];
}
