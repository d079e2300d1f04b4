/** One Pulse message, ready to be published. */
export interface Message {
  readonly exchange: string;
  readonly routingKey: string;
  /** The `CC` header: `route.` and a route, for each route of the task. */
  readonly routes: readonly string[];
  readonly body: object;
}

/** Publishes one Pulse message. Rejects when the broker did not accept it. */
export type Publish = (message: Message) => Promise<void>;
