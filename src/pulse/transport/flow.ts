import type { Observable } from 'rxjs';

/**
 * How much may be delivered: a fixed number unsettled at a time, unless it is paused, or as many more as somebody asks
 * for, the present number first. Whole numbers that fit AMQP.
 */
export type Flow =
  | { readonly prefetch: number; readonly paused$?: Observable<boolean> | undefined }
  | { readonly demand$: Observable<number> };
