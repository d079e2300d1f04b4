import type { Observable } from 'rxjs';

/**
 * How many messages may be delivered: either a fixed number of unsettled messages, unless paused, or a demand for so
 * many more messages. `demand$` emits the current demand first. All are whole numbers that fit AMQP.
 */
export type Flow =
  | { readonly prefetch: number; readonly paused$?: Observable<boolean> | undefined }
  | { readonly demand$: Observable<number> };
