import { Observable, type Subscriber } from 'rxjs';
import type { ConsumeOptions } from './consume-options.ts';
import type { QueueSpec } from '../topology/queue.ts';

/** What `handle` asks of the `consume` that its messages come from. */
export interface Wishes extends Pick<ConsumeOptions<unknown>, 'onBadMessage'> {
  /** For a consumer that was not told otherwise. */
  readonly prefetch: number;
  /**
   * Whether the queue can keep what `handle` promises. If not, the stream of `handle` has been told by now: operators between would
   * perhaps catch an error, or try again.
   */
  readonly accepts: (queue: QueueSpec) => boolean;
}

const wishesBySubscriber = new WeakMap<object, Wishes>();

const queues = new WeakMap<Observable<unknown>, QueueSpec>();

/** Notes the queue of a stream of `consume`, so that who stands right behind it can refuse it at once. */
export function noteQueue<T>(messages$: Observable<T>, queue: QueueSpec): Observable<T> {
  queues.set(messages$, queue);
  return messages$;
}

export function notedQueue(messages$: Observable<unknown>): QueueSpec | undefined {
  return queues.get(messages$);
}

/** The same stream, subscribed with wishes that {@link wishesOf} finds wherever operators subscribe to their sources. */
export function wishing<T>(source$: Observable<T>, wishes: Wishes): Observable<T> {
  return new Observable(subscriber => {
    wishesBySubscriber.set(subscriber, wishes);
    return source$.subscribe(subscriber);
  });
}

/**
 * The nearest wishes behind a subscriber. Each operator of RxJS subscribes to its source with a subscriber that knows the next
 * one as its `destination`, also when it does so later or again. A Subject between (`share`, `groupBy`) ends that chain.
 */
export function wishesOf(subscriber: Subscriber<unknown>): Wishes | undefined {
  let next: unknown = subscriber;
  while (typeof next === 'object' && next !== null) {
    const wishes = wishesBySubscriber.get(next);
    if (wishes) return wishes;
    next = (next as { readonly destination?: unknown }).destination;
  }
  return undefined;
}
