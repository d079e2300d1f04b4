/** What this machine may run out of, by the system's name for the error. */
const SHORTAGES: Readonly<Record<string, string>> = {
  ENOSPC: 'disk space',
  EDQUOT: 'disk space',
  EMFILE: 'file descriptors',
  ENFILE: 'file descriptors',
  ENOMEM: 'memory',
  EAGAIN: 'processes',
  // No word of the system: each of its users was some task's.
  ENOUSER: 'users for tasks',
};

/** What the machine had too little of, where that is why something failed; undefined otherwise. */
export function shortageOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code = '' } = error as NodeJS.ErrnoException;
  const behind: unknown[] = [
    error.cause,
    ...(error instanceof AggregateError ? (error.errors as unknown[]) : []),
  ];
  return SHORTAGES[code] ?? behind.map(shortageOf).find(shortage => shortage !== undefined);
}
