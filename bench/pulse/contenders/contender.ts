/** A job to consume an existing queue that contains messages. */
export interface Consuming {
  readonly url: string;
  readonly queue: WaitingQueue;
  readonly prefetch: number;
  /** Whether to check each body against the schema of `task-pending` as well. */
  readonly validate: boolean;
  /** Called with each parsed body. The message is acked when it returns. */
  readonly onBody: (body: unknown) => void;
}

/** A queue with its arguments. Declaring it again requires the same arguments. */
export interface WaitingQueue {
  readonly name: string;
  readonly exchange: string;
  readonly pattern: string;
  readonly maxLength: number;
  readonly expiresMs: number;
}

export interface Publishing {
  /** Settles when the broker has confirmed the message. */
  publish(routingKey: string, body: object): Promise<unknown>;
  close(): Promise<unknown>;
}

/** One of the compared libraries, used as its documentation shows. */
export interface Contender {
  /** Consumes until the returned function is called. */
  consume(consuming: Consuming): Promise<() => Promise<unknown>>;
  publishTo(url: string, exchange: string): Promise<Publishing>;
}
