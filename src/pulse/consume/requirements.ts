import { Observable, type Subscriber } from 'rxjs';
import type { ConsumeOptions } from './consume-options.ts';
import type { QueueSpec } from '../topology/queue.ts';

/** What `handle` asks of the `consume` that its messages come from. */
export interface Requirements extends Pick<ConsumeOptions<unknown>, 'onBadMessage'> {
  /** For a consumer that was not told otherwise. */
  readonly prefetch: number;
  /**
   * Whether the queue can keep what `handle` promises. If not, the stream of `handle` has been told by now: operators between would
   * perhaps catch an error, or try again.
   */
  readonly accepts: (queue: QueueSpec) => boolean;
}

const requirementsBySubscriber = new WeakMap<object, Requirements>();

const queues = new WeakMap<Observable<unknown>, QueueSpec>();

/** Notes the queue of a stream of `consume`, so that who stands right behind it can refuse it at once. */
export function rememberQueue<T>(messages$: Observable<T>, queue: QueueSpec): Observable<T> {
  queues.set(messages$, queue);
  return messages$;
}

export function rememberedQueue(messages$: Observable<unknown>): QueueSpec | undefined {
  return queues.get(messages$);
}

/** The same stream, subscribed with requirements that {@link requirementsOf} finds wherever operators subscribe to their sources. */
export function requiring<T>(source$: Observable<T>, requirements: Requirements): Observable<T> {
  return new Observable(subscriber => {
    requirementsBySubscriber.set(subscriber, requirements);
    return source$.subscribe(subscriber);
  });
}

/**
 * The nearest requirements behind a subscriber. Each operator of RxJS subscribes to its source with a subscriber that knows the next
 * one as its `destination`, also when it does so later or again. A Subject between (`share`, `groupBy`) ends that chain.
 */
export function requirementsOf(subscriber: Subscriber<unknown>): Requirements | undefined {
  let next: unknown = subscriber;
  while (typeof next === 'object' && next !== null) {
    const requirements = requirementsBySubscriber.get(next);
    if (requirements) return requirements;
    next = (next as { readonly destination?: unknown }).destination;
  }
  return undefined;
}
