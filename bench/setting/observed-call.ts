/** A request to the queue's process, uploads included, as seen by that process. Times are on the clock of `nowMs`. */
export interface ObservedCall {
  readonly method: string;
  /** The path without its query. For calls to the queue's API, it starts after `/api/queue/v1`. */
  readonly path: string;
  readonly statusCode: number;
  /** The time at which the head of the request had arrived. */
  readonly startedMs: number;
  /**
   * The time at which the whole response had been passed to the operating system; null if the caller disconnected
   * first.
   */
  readonly answeredMs: number | null;
  /** The tasks in a response to `claimWork`. */
  readonly claimed: readonly string[];
}

/** The messages of the queue's process. */
export type QueueProcessMessage =
  | { readonly type: 'listening'; readonly rootUrl: string }
  | { readonly type: 'call'; readonly call: ObservedCall };

/** The options of the process, as JSON in its variable `BENCH_QUEUE`. */
export interface QueueProcessOptions {
  readonly queuePulseUrl: string;
  readonly clients: readonly {
    readonly clientId: string;
    readonly accessToken: string;
    readonly scopes: readonly string[];
  }[];
  /** The duration of a claim, in ms; by default Taskcluster's 20 min. */
  readonly claimTimeoutMs?: number | undefined;
}
