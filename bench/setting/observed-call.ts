/** A request to the queue's process, uploads included, as that process saw it. Times are of the clock that `nowMs` reads. */
export interface ObservedCall {
  readonly method: string;
  /** Without a query; that of a call of the queue's API is the part below `/api/queue/v1`. */
  readonly path: string;
  readonly statusCode: number;
  /** When the head of the request had come in. */
  readonly startedMs: number;
  /** When the whole answer had been given to the operating system; null when the caller had gone before. */
  readonly answeredMs: number | null;
  /** The tasks that an answer to `claimWork` gave away. */
  readonly claimed: readonly string[];
}

/** What the queue's process tells. */
export type QueueProcessMessage =
  | { readonly type: 'listening'; readonly rootUrl: string }
  | { readonly type: 'call'; readonly call: ObservedCall };

/** What it is told, as JSON in its variable `BENCH_QUEUE`. */
export interface QueueProcessOptions {
  readonly queuePulseUrl: string;
  readonly clients: readonly {
    readonly clientId: string;
    readonly accessToken: string;
    readonly scopes: readonly string[];
  }[];
  /** How long a claim lasts, in ms; Taskcluster's 20 min by default. */
  readonly claimTimeoutMs?: number | undefined;
}
