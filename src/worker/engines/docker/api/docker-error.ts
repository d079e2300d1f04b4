/** What went wrong between this process and an engine, or what the engine said. */
export class DockerError extends Error {
  override readonly name = 'DockerError';
  /** Of the engine's answer; undefined where it gave none. */
  readonly status: number | undefined;

  constructor(message: string, options: ErrorOptions & { readonly status?: number } = {}) {
    super(message, options);
    this.status = options.status;
  }
}

/** Whether an engine answered with a status. */
export function hasStatus(error: unknown, ...statuses: readonly number[]): boolean {
  return error instanceof DockerError && error.status !== undefined && statuses.includes(error.status);
}

/** Whether an engine has not answered, so that nobody knows what it did. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof DockerError && error.status === undefined;
}

/** The system's or the HTTP client's short word for what is wrong. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  const behind = error instanceof AggregateError ? (error.errors as unknown[]) : [error.cause];
  return behind.map(codeOf).find(found => found !== undefined);
}
