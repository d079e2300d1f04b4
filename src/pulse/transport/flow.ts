import type { Observable } from 'rxjs';

/**
 * How many messages may be delivered: either a fixed number of unsettled messages, unless paused, or a demand for so
 * many more messages. `demand$` emits the current demand first. All are whole numbers that fit AMQP.
 */
export type Flow = {
  /** The consumer's priority among those of its queue. */
  readonly priority?: number | undefined;
} & (
  | { readonly prefetch: number; readonly paused$?: Observable<boolean> | undefined }
  | { readonly demand$: Observable<number> }
);
