/**
 * The meaning of the queue's answer for a worker:
 *
 * - `conflict` (409): the run is over, or the object exists with other properties. Final.
 * - `forbidden` (401, 403): the credentials do not allow the call. Final.
 * - `refused` (any other 4xx, or a request that could not be made): the call is wrong and would fail again. Final.
 * - `unavailable` (429, 5xx, or an answer that is not from the queue): the service cannot answer now.
 * - `unreachable`: there was no answer, because of the network, DNS, TLS or a time-out.
 */
export type ServiceErrorKind = 'conflict' | 'forbidden' | 'refused' | 'unavailable' | 'unreachable';

/** A call to the queue that failed after all retries of its policy. */
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
   * Whether the queue rejects the credentials (401) permanently. Other 401 errors go away with time: a clock that is
   * far off ("Stale timestamp"), or a certificate that is not valid yet.
   */
  get isUnauthenticated(): boolean {
    return this.statusCode === 401 && this.kind === 'forbidden' && !this.isAboutTime;
  }

  /** Whether a call was refused (401) because this machine's clock or the start of a certificate is wrong. */
  get isAboutTime(): boolean {
    return this.statusCode === 401 && /stale timestamp|certificate\.start|not count yet/i.test(this.message);
  }

  /** Whether the same call may succeed later. */
  get transient(): boolean {
    return this.kind === 'unavailable' || this.kind === 'unreachable';
  }
}
