/**
 * What the queue's answer means to a worker:
 *
 * - `conflict` (409): the run is over, or the thing exists otherwise. Final.
 * - `forbidden` (401, 403): these credentials may not do that. Final.
 * - `refused` (any other 4xx, or a request that could not be made): it is wrong and would be again. Final.
 * - `unavailable` (429, 5xx, or an answer that is not the queue's): the service cannot answer now.
 * - `unreachable`: there was no answer: network, DNS, TLS, or it took too long.
 */
export type ServiceErrorKind = 'conflict' | 'forbidden' | 'refused' | 'unavailable' | 'unreachable';

/** A call of the queue that failed, after the retries that its policy allows. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly kind: ServiceErrorKind;
  readonly statusCode: number | undefined;

  constructor(kind: ServiceErrorKind, message: string, statusCode?: number) {
    super(message);
    this.kind = kind;
    this.statusCode = statusCode;
  }

  /**
   * Whether the queue does not believe who calls (401), and waiting does not mend that. Other 401s are a matter of time: a
   * clock that is far off ("Stale timestamp"), a certificate that is not valid yet.
   */
  get isUnauthenticated(): boolean {
    return this.statusCode === 401 && this.kind === 'forbidden' && !this.isAboutTime;
  }

  /** Whether a call was refused (401) because this machine's clock, or the start of a certificate, is off. */
  get isAboutTime(): boolean {
    return this.statusCode === 401 && /stale timestamp|certificate\.start|not count yet/i.test(this.message);
  }

  /** Whether the same call may work later. */
  get transient(): boolean {
    return this.kind === 'unavailable' || this.kind === 'unreachable';
  }
}
