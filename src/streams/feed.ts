import { BehaviorSubject, catchError, finalize, NEVER, retry, timer, type Observable } from 'rxjs';
import type { ConsumeOptions, ConsumerEvent, Pulse, PulseError, PulseMessage } from '../pulse/index.ts';

/** Messages of one consumer, and apart from them whether it listens. */
export interface Feed<T> {
  /** Subscribe once. Never errors: what is wrong is said through `onProblem`, and tried again. */
  readonly items$: Observable<T>;
  /** True while the broker has a consumer for us. The present value first. */
  readonly listening$: Observable<boolean>;
}

/** Told of what a consumer cannot do, and of what came in that it could not read. */
export type OnProblem = (problem: string, error?: PulseError) => void;

/** A queue that the broker refuses us (403, 404, 406) may be put right by its operators: look again, slowly. */
const LOOK_AGAIN_MS = 60_000;

/** Consumes for as long as it is subscribed, through refusals too: a worker falls back to polling, it never ends. */
export function feed<T>(
  pulse: Pulse,
  options: ConsumeOptions<T>,
  onProblem: OnProblem,
): Feed<PulseMessage<T>> {
  const listening$ = new BehaviorSubject(false);
  const onEvent = (event: ConsumerEvent) => {
    if (event.type === 'consuming') listening$.next(true);
    if (event.type === 'interrupted') listening$.next(false);
    if (event.type === 'bad-message') {
      onProblem(`dropped a message of ${event.delivery.exchange}: ${event.problems.join('; ')}`);
    }
  };
  const items$ = pulse.consume({ ...options, onEvent }).pipe(
    retry({
      delay: (error: PulseError) => {
        listening$.next(false);
        onProblem(`cannot listen: ${error.message}`, error);
        return error.kind === 'closed' ? NEVER : timer(LOOK_AGAIN_MS);
      },
    }),
    catchError(() => NEVER),
    finalize(() => {
      listening$.next(false);
    }),
  );
  return { items$, listening$ };
}
