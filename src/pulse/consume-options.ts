import type { Observable } from 'rxjs';
import type { Binding } from './binding.ts';
import type { PulseError } from './errors.ts';
import type { Outcome } from './message.ts';
import type { QueueSpec } from './queue.ts';
import type { Delivery } from './transport.ts';

/** What to consume, and how. */
export interface ConsumeOptions<T> {
  readonly queue: QueueSpec;
  readonly bindings: readonly Binding<T>[];
  /** How many messages may be unsettled at a time: 1 to 65,535. 10 by default. */
  readonly prefetch?: number;
  /**
   * Instead of a fixed `prefetch`: how many more messages are wanted now, nothing until it says so. 0 (or less)
   * pauses, and then the queue is kept from expiring. Subtract what is being worked on: a message that arrives has
   * to lower the demand at once. What is under way when it falls is given back.
   */
  readonly demand$?: Observable<number>;
  /**
   * Its first item stops the consumer: no message comes any more, and the stream completes when the broker has
   * confirmed. Messages that came before can still be settled. To unsubscribe instead requeues them.
   */
  readonly until$?: Observable<unknown>;
  /** What becomes of a message whose body is not JSON or not what its binding promises. `reject` by default. */
  readonly onBadMessage?: Outcome;
  /** What happens to the consumer, apart from messages. */
  readonly onEvent?: (event: ConsumerEvent) => void;
}

export type ConsumerEvent =
  /** Bound and consuming (or paused by its demand), for the first time or again. */
  | { readonly type: 'consuming'; readonly queue: string }
  /** A new ephemeral queue replaces a lost one: what was published in between never arrives. */
  | { readonly type: 'gap'; readonly queue: string }
  | { readonly type: 'interrupted'; readonly error: PulseError }
  | { readonly type: 'bad-message'; readonly delivery: Delivery; readonly problems: readonly string[] }
  /** A message was settled after its channel had gone; the broker delivers it again. */
  | { readonly type: 'settled-late'; readonly routingKey: string };
