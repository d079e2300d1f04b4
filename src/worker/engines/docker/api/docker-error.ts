/** An error answer of the engine, or a call that got no answer. */
export class DockerError extends Error {
  override readonly name = 'DockerError';
  /** HTTP status of the engine's answer; undefined without an answer. */
  readonly status: number | undefined;

  constructor(message: string, options: ErrorOptions & { readonly status?: number } = {}) {
    super(message, options);
    this.status = options.status;
  }
}

/** Whether the engine answered with one of these statuses. */
export function hasStatus(error: unknown, ...statuses: readonly number[]): boolean {
  return error instanceof DockerError && error.status !== undefined && statuses.includes(error.status);
}

/** Whether the engine gave no answer, so that its effect is unknown. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof DockerError && error.status === undefined;
}

/** The error code of the system or the HTTP client. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  const behind = error instanceof AggregateError ? (error.errors as unknown[]) : [error.cause];
  return behind.map(codeOf).find(found => found !== undefined);
}
