/** Variables that a worker sets for a task. Commands rely on them. */
const RESERVED: ReadonlySet<string> = new Set(['TASK_ID', 'RUN_ID', 'TASK_GROUP_ID', 'TASK_WORKDIR']);
const RESERVED_PREFIX = 'TASKCLUSTER_';
/** Longer than any name that a program knows. The log may repeat the name. */
const LONGEST_NAME_BYTES = 1024;
/** Linux allows no longer variable. */
const LONGEST_VALUE_BYTES = 128 * 1024;

/**
 * Returns why an encrypted variable cannot have this name, in words that follow its subject, or undefined. The
 * name is not repeated, because it may contain a secret by mistake.
 */
export function nameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '') return 'must have a name that is a string, and not empty';
  if (/[=\0]/.test(name)) return 'must have a name without "=" and NUL';
  if (Buffer.byteLength(name) > LONGEST_NAME_BYTES) {
    return `must have a name of at most ${LONGEST_NAME_BYTES} bytes`;
  }
  if (RESERVED.has(name)) return `must not set ${name}, which only the worker sets`;
  if (name.startsWith(RESERVED_PREFIX)) {
    return `must not set a variable whose name begins with ${RESERVED_PREFIX}, which only the worker sets`;
  }
  return undefined;
}

/** Returns why an encrypted variable cannot have this value, in words that follow its subject, or undefined. */
export function valueProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must have a value that is a string';
  if (Buffer.byteLength(value) > LONGEST_VALUE_BYTES) {
    return `must have a value of at most ${LONGEST_VALUE_BYTES} bytes`;
  }
  return value.includes('\0') ? 'must have a value without NUL' : undefined;
}
