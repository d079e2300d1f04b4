/** Resources that a machine can run out of, by the error code. */
const SHORTAGES: Readonly<Record<string, string>> = {
  ENOSPC: 'disk space',
  EDQUOT: 'disk space',
  EMFILE: 'file descriptors',
  ENFILE: 'file descriptors',
  ENOMEM: 'memory',
  EAGAIN: 'processes',
  // tcw's own code: every user id for tasks has been used.
  ENOUSER: 'users for tasks',
};

/** Returns the resource whose shortage caused an error, or undefined. */
export function shortageOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code = '' } = error as NodeJS.ErrnoException;
  const behind: unknown[] = [
    error.cause,
    ...(error instanceof AggregateError ? (error.errors as unknown[]) : []),
  ];
  return SHORTAGES[code] ?? behind.map(shortageOf).find(shortage => shortage !== undefined);
}
