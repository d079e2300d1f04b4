import { Observable, type OperatorFunction } from 'rxjs';
import { MAX_PREFETCH } from '../consume/consume-options.ts';
import { PulseError } from '../errors.ts';
import type {
  BatchHandleOptions,
  BatchHandler,
  BatchOptions,
  CommonHandleOptions,
  HandleOptions,
  HandleResult,
  Handler,
} from './handle-options.ts';
import { checkOnBadMessage } from '../consume/check-options.ts';
import { checkOptions, type OptionKinds } from '../options.ts';
import { Handling } from './handling.ts';
import type { Origin, PulseMessage } from '../consume/message.ts';
import type { QueueSpec } from '../topology/queue.ts';
import type { Backoff } from '../../base/index.ts';
import { retryPolicy, type RetryPolicy } from './retry-policy.ts';
import { rememberedQueue, requiring, type Requirements } from '../consume/requirements.ts';

const CONCURRENCY = 10;
const MAX_BATCH = 10_000;

export const HANDLE_OPTIONS: OptionKinds<HandleOptions | BatchHandleOptions> = {
  concurrency: 'number',
  retry: ['object', 'false'],
  timeoutMs: 'number',
  batch: 'object',
  onBadMessage: ['text', 'function'],
  deadLetter: 'boolean',
  onEvent: 'function',
  around: 'function',
};
const RETRY_OPTIONS: OptionKinds<RetryPolicy> = { attempts: 'number', backoff: 'object' };
const BACKOFF_OPTIONS: OptionKinds<Backoff> = { baseMs: 'number', capMs: 'number' };
const BATCH_OPTIONS: OptionKinds<BatchOptions> = { size: 'number', waitMs: 'number' };

/**
 * Handles each message of `consume`, and settles it by the result of its handler. A failed message does not end the
 * stream. `pulse.handle(options, handler)` does the same without RxJS.
 *
 * - If the handler returns or resolves, the message is acknowledged.
 * - If the handler throws or returns `retryLater()`, the message is retried after a growing delay. While a message
 *   waits, it uses up neither concurrency nor prefetch, so other messages are handled. This works for about a
 *   thousand waiting messages; beyond that they use up the prefetch (`crowded`). With `demand$`, only the demand
 *   decides.
 * - After `retry.attempts` attempts, and for `reject()` and `deadLetter()`, the message is given up. The queue keeps
 *   it if it was declared with `deadLetter: true`, and drops it otherwise.
 * - If all messages fail, a circuit breaker tries a single message from time to time until one succeeds. An outage of
 *   a dependency loses no message, and waiting messages use up no attempts.
 *
 * The number of failed attempts survives a restart.
 *
 * - A quorum queue counts attempts by itself. The consumer holds a failed message until it is due, and then gives it
 *   back. The queue also counts crashes, so a message that kills its process is eventually given up. `attempts`
 *   cannot be higher than the queue's delivery limit.
 * - For any other queue, `handle` immediately publishes a copy of the failed message with its count and its due time,
 *   through `exchange/<namespace>/tcw-retry`. It acknowledges the original when the broker has confirmed the copy.
 *   The copy goes to the end of the queue, and the consumer that receives it holds it until it is due. If the copy
 *   cannot be published (no permission, or a full queue refuses it), the message is held and counted in this process
 *   only (`not-counted`). While it is unknown whether the broker has the copy (for example during a memory alarm),
 *   the message is held, and no other copy is made.
 *
 * If a message's channel is lost, the `signal` of its handler is aborted, and the call no longer counts towards the
 * concurrency. Another handler may run at the same time, even for the same message.
 *
 * A message may be handled twice if the connection is lost before its acknowledgement, or if a process dies.
 *
 * The stream completes when the consumer is stopped, the last handler has ended and its failures are stored. No
 * handler starts after a stop.
 *
 * Other operators may stand between `consume` and `handle` if they pass on the same messages. The requirements of
 * `handle` (its prefetch, `onBadMessage`, a queue that keeps dead letters) reach the consumer through them. They do
 * not reach it through `share`, `groupBy` or a Subject. In that case, the stream errors with `invalid` at the first
 * message if the queue does not meet the requirements or if `onBadMessage` is set.
 *
 * @throws PulseError `invalid` for bad options and for options that do not fit the queue. If other operators stand in
 *   between, the stream reports an unfit queue as its error.
 */
export function handle<M extends PulseMessage>(
  handler: Handler<M>,
  options?: HandleOptions,
): OperatorFunction<M, HandleResult<M>>;
/** Handles messages in batches. */
export function handle<M extends PulseMessage>(
  handler: BatchHandler<M>,
  options: BatchHandleOptions,
): OperatorFunction<M, HandleResult<M>>;
export function handle<M extends PulseMessage>(
  handler: Handler<M> | BatchHandler<M>,
  options: HandleOptions | BatchHandleOptions = {},
): OperatorFunction<M, HandleResult<M>> {
  checkHandleOptions(handler, options);
  const { concurrency = CONCURRENCY, onBadMessage, batch } = options;
  const retry = retryPolicy(options.retry);

  return messages$ => {
    const queue = rememberedQueue(messages$);
    if (queue) checkQueue(queue, options, retry.attempts);
    return new Observable(subscriber => {
      const attempted = (check: () => void) => {
        try {
          check();
          return true;
        } catch (error) {
          subscriber.error(error);
          return false;
        }
      };
      const requirements: Requirements = {
        prefetch: Math.min(2 * concurrency * (batch?.size ?? 1), MAX_PREFETCH),
        onBadMessage,
        accepts: consumed =>
          attempted(() => {
            checkQueue(consumed, options, retry.attempts);
          }),
      };
      const accepts = (origin: Origin) =>
        attempted(() => {
          if (origin.requirements !== requirements) checkUnasked(origin, options, retry.attempts);
        });
      const handling = new Handling(handler, concurrency, retry, options, accepts, subscriber);
      // Added before the source is subscribed, because the source may deliver immediately.
      subscriber.add(() => {
        handling.leave();
      });
      subscriber.add(
        requiring(messages$, requirements).subscribe({
          next: message => {
            handling.take(message);
          },
          error: (error: unknown) => {
            subscriber.error(error);
          },
          complete: () => {
            handling.finish();
          },
        }),
      );
    });
  };
}

/** @throws PulseError `invalid` */
function checkHandleOptions(handler: unknown, options: HandleOptions | BatchHandleOptions): void {
  if (typeof handler !== 'function')
    throw new PulseError('invalid', 'handle needs a handler, which is a function');
  checkOptions('handle', options, HANDLE_OPTIONS);
  const { concurrency = CONCURRENCY, timeoutMs = 1, retry, batch, around, onBadMessage } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new PulseError('invalid', `concurrency is ${concurrency}; it must be a whole number from 1`);
  }
  if (!(timeoutMs > 0)) throw new PulseError('invalid', `timeoutMs is ${timeoutMs}; it must be above 0`);
  if (onBadMessage !== undefined) checkOnBadMessage(onBadMessage);
  if (retry) checkOptions('handle', retry, RETRY_OPTIONS, 'retry');
  if (retry && retry.backoff) checkOptions('handle', retry.backoff, BACKOFF_OPTIONS, 'retry.backoff');
  if (!batch) return;
  checkOptions('handle', batch, BATCH_OPTIONS, 'batch');
  const { size, waitMs = 0 } = batch;
  if (!(Number.isInteger(size) && size >= 1 && size <= MAX_BATCH)) {
    throw new PulseError(
      'invalid',
      `batch.size is ${size}; it must be a whole number from 1 to ${MAX_BATCH}`,
    );
  }
  if (!(waitMs >= 0)) throw new PulseError('invalid', `batch.waitMs is ${waitMs}; it must not be negative`);
  if (around) throw new PulseError('invalid', 'around is not available with batch; wrap the handler instead');
}

/** Checks a consumer that did not receive the requirements. */
function checkUnasked({ spec }: Origin, options: CommonHandleOptions, attempts: number): void {
  checkQueue(spec, options, attempts);
  if (!options.onBadMessage) return;
  throw new PulseError(
    'invalid',
    'onBadMessage of handle does not reach consume, since an operator between them shares messages (share, groupBy, a ' +
      'Subject); give it to consume instead',
  );
}

function checkQueue(queue: QueueSpec, { deadLetter }: CommonHandleOptions, attempts: number): void {
  if (deadLetter && !queue.deadLetter) {
    throw new PulseError(
      'invalid',
      'the queue keeps no dead letters; declare it with namedQueue(…, { deadLetter: true })',
    );
  }
  const { deliveryLimit = Infinity } = queue.options;
  if (attempts <= deliveryLimit) return;
  throw new PulseError(
    'invalid',
    `retry.attempts is ${attempts}, but the queue gives a message up after ${deliveryLimit} deliveries: lower attempts, or ` +
      'declare a queue with another name and a higher deliveryLimit',
  );
}
