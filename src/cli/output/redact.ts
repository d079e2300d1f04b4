const REDACTED = '[redacted]';

/** Names under which secrets travel, in our configuration, in credentials and in HTTP headers; in lower case. */
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
 * Plain data like `value`, with `[redacted]` in the place of everything that goes by the name of a secret, however
 * deep. Objects that know how to print themselves do, `Secret` among them. Fractions are rounded, for people to read.
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

/** Whole from 100 on, below that three digits: 621.0297070611896 is 621, and 0.5123456 is 0.512. */
function rounded(value: number): number {
  if (Number.isInteger(value)) return value;
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

function printsItself(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

/** An error's message and stack are no enumerable properties, and what it carries beside them is. */
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
