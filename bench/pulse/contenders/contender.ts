/** What is to be consumed: a queue that is there, with messages in it. */
export interface Consuming {
  readonly url: string;
  readonly queue: WaitingQueue;
  readonly prefetch: number;
  /** Whether each body is also checked against the schema of `task-pending`. */
  readonly validate: boolean;
  /** Gets each parsed body. The message is acked when it returns. */
  readonly onBody: (body: unknown) => void;
}

/** A queue as it was declared. Who declares it again has to use the same arguments. */
export interface WaitingQueue {
  readonly name: string;
  readonly exchange: string;
  readonly pattern: string;
  readonly maxLength: number;
  readonly expiresMs: number;
}

export interface Publishing {
  /** Settles when the broker has confirmed. */
  publish(routingKey: string, body: object): Promise<unknown>;
  close(): Promise<unknown>;
}

/** One of the libraries that are compared, used as its documentation shows it. */
export interface Contender {
  /** Consumes until the returned function is called. */
  consume(consuming: Consuming): Promise<() => Promise<unknown>>;
  publishTo(url: string, exchange: string): Promise<Publishing>;
}
