import { BehaviorSubject, catchError, finalize, NEVER, retry, timer, type Observable } from 'rxjs';
import type { ConsumeOptions, ConsumerEvent, Pulse, PulseError, PulseMessage } from '../pulse/index.ts';

/** The messages of one consumer, and whether it is consuming. */
export interface Feed<T> {
  /** The messages. Subscribe once. It never errors: problems are passed to `onProblem`, and the consumer retries. */
  readonly items$: Observable<T>;
  /** True while the consumer is registered at the broker. Emits the current value on subscription. */
  readonly listening$: Observable<boolean>;
}

/** Called with a sentence when the queue cannot be consumed (and with the error), and when a message cannot be read. */
export type OnProblem = (problem: string, error?: PulseError) => void;

/**
 * Retry interval in ms. It is long, since operators may have to fix a queue that the broker refuses (403, 404, 406).
 */
const RETRY_MS = 60_000;

/** Consumes while subscribed, and retries after a refusal. In the meantime a worker polls instead of exiting. */
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
