import { BehaviorSubject, catchError, finalize, NEVER, retry, timer, type Observable } from 'rxjs';
import type { ConsumeOptions, ConsumerEvent, Pulse, PulseError, PulseMessage } from '../pulse/index.ts';

/** The messages of one consumer, and whether it is consuming. */
export interface Feed<T> {
  /** Subscribe once. It never errors: problems go to `onProblem`, and the consumer tries again. */
  readonly items$: Observable<T>;
  /** True while the consumer is registered at the broker. Emits the present value first. */
  readonly listening$: Observable<boolean>;
}

/** Called with a sentence when the queue cannot be consumed (with the error), and when a message cannot be read. */
export type OnProblem = (problem: string, error?: PulseError) => void;

/** Operators may correct a queue that the broker refuses (403, 404, 406), so the consumer tries again, slowly. */
const RETRY_MS = 60_000;

/** Consumes while subscribed, and goes on after a refusal: a worker then polls, but does not end. */
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
        return error.kind === 'closed' ? NEVER : timer(RETRY_MS);
      },
    }),
    catchError(() => NEVER),
    finalize(() => {
      listening$.next(false);
    }),
  );
  return { items$, listening$ };
}
