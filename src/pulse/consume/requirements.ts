import { Observable, type Subscriber } from 'rxjs';
import type { ConsumeOptions } from './consume-options.ts';
import type { QueueSpec } from '../topology/queue.ts';

/** What `handle` requires of the `consume` that delivers its messages. */
export interface Requirements extends Pick<ConsumeOptions<unknown>, 'onBadMessage'> {
  /** The prefetch of a consumer that has no prefetch option. */
  readonly prefetch: number;
  /**
   * Whether the queue meets the requirements of `handle`. If not, the stream of `handle` has already received the
   * error. An error of `consume` could be caught or retried by operators in between.
   */
  readonly accepts: (queue: QueueSpec) => boolean;
}

const requirementsBySubscriber = new WeakMap<object, Requirements>();

const queues = new WeakMap<Observable<unknown>, QueueSpec>();

/** Records the queue of a `consume` stream, so that an operator directly behind it can refuse the queue at once. */
export function rememberQueue<T>(messages$: Observable<T>, queue: QueueSpec): Observable<T> {
  queues.set(messages$, queue);
  return messages$;
}

export function rememberedQueue(messages$: Observable<unknown>): QueueSpec | undefined {
  return queues.get(messages$);
}

/** Returns the same stream, with requirements that {@link requirementsOf} finds through the operators in between. */
export function requiring<T>(source$: Observable<T>, requirements: Requirements): Observable<T> {
  return new Observable(subscriber => {
    requirementsBySubscriber.set(subscriber, requirements);
    return source$.subscribe(subscriber);
  });
}

/**
 * Finds the nearest requirements downstream of a subscriber. Each RxJS operator subscribes to its source with a
 * subscriber whose `destination` is the next subscriber, even if it subscribes later or again. A Subject in between
 * (`share`, `groupBy`) ends this chain.
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
