/** What a worker tells a task about itself and the task: commands rely on that. */
const RESERVED: ReadonlySet<string> = new Set(['TASK_ID', 'RUN_ID', 'TASK_GROUP_ID', 'TASK_WORKDIR']);
const RESERVED_PREFIX = 'TASKCLUSTER_';
/** Longer than any that a program knows; the log may repeat it. */
const LONGEST_NAME_BYTES = 1024;
/** Linux gives no program a longer variable. */
const LONGEST_VALUE_BYTES = 128 * 1024;

/**
 * Why an encrypted variable cannot have a name, in words that follow its subject; undefined if it can. A name may come from
 * somebody who was careless with secrets, and is not repeated.
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

/** Why an encrypted variable cannot have a value, in words that follow its subject; undefined if it can. */
export function valueProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must have a value that is a string';
  if (Buffer.byteLength(value) > LONGEST_VALUE_BYTES) {
    return `must have a value of at most ${LONGEST_VALUE_BYTES} bytes`;
  }
  return value.includes('\0') ? 'must have a value without NUL' : undefined;
}
