import { Observable, type OperatorFunction } from 'rxjs';
import { MAX_PREFETCH } from '../consume/consume-options.ts';
import { PulseError } from '../errors.ts';
import type { HandleOptions, HandleResult, Handler } from './handle-options.ts';
import { Handling } from './handling.ts';
import type { Origin, PulseMessage } from '../consume/message.ts';
import type { QueueSpec } from '../topology/queue.ts';
import { retryPolicy } from './retry-policy.ts';
import { rememberedQueue, requiring, type Requirements } from '../consume/requirements.ts';

const CONCURRENCY = 10;

/**
 * Handles each message of a `consume`, and settles it by what came of it. One message never ends the stream.
 *
 * - A handler that returns or resolves is done with the message: it is acknowledged.
 * - One that throws, or says `retryLater()`, is tried again after a growing delay. While it waits here it takes no place,
 *   neither of the concurrency nor of the prefetch, so others are handled meanwhile. About a thousand may wait so; what
 *   is more takes places of the prefetch, and `crowded` tells so. Beside `demand$`, the demand alone says what comes.
 * - After so many attempts, and for `reject()` and `deadLetter()`, the message is given up: its queue keeps it
 *   when it was made with `deadLetter: true`, else it is dropped.
 * - When everything fails, nothing is tried but one message now and then, until one succeeds: an outage of what the
 *   handler needs loses nothing, and uses up no attempts of what waits.
 *
 * How often a message has failed survives a restart, whatever ends the process.
 *
 * - A quorum queue counts by itself. A failed message is held until it is due, and then given back. The queue counts
 *   crashes too, so it stops a message that kills its process; `attempts` cannot be more than its delivery limit.
 * - From any other queue, a failed message is published again at once, with its count and when it is due, through
 *   `exchange/<namespace>/tcw-retry`, and acknowledged when the broker has confirmed the copy. It goes to the end of the
 *   queue, and who gets it before it is due holds it until then. Where that cannot be done (nothing may be published, the
 *   queue is full and refuses) it is held and counted here alone, and `not-counted` tells so. While it is not known
 *   whether the broker has the copy (a memory alarm), the message is held, and no other copy is made.
 *
 * Concurrency counts the handlers whose messages are held. One whose message was lost with its channel has been told so by
 * its `signal`; while it goes on all the same, another may run beside it, for the same message too.
 *
 * A message may be handled twice: when the connection is lost before its acknowledgement, or when a process dies.
 *
 * The stream completes when the consumer was stopped, the last handler is done and its failure is written down; no handler
 * starts after a stop.
 *
 * Other operators may stand between `consume` and `handle`, as long as they pass the same messages on: what `handle` asks of the
 * consumer (its prefetch, `onBadMessage`, a queue that keeps dead letters) reaches it through them. Through `share`, `groupBy` or a
 * Subject it does not: then the stream errors with `invalid` at the first message, if something was asked.
 *
 * @throws PulseError `invalid` for options that cannot be kept or do not fit the queue: at once, or behind other operators as the
 *   error of the stream
 */
export function handle<M extends PulseMessage>(
  handler: Handler<M>,
  options: HandleOptions = {},
): OperatorFunction<M, HandleResult<M>> {
  const { concurrency = CONCURRENCY, onBadMessage } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new PulseError('invalid', `concurrency is ${concurrency}; it has to be a whole number from 1`);
  }
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
        prefetch: Math.min(2 * concurrency, MAX_PREFETCH),
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
      // Known before the source is subscribed: that may deliver at once.
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

/** A consumer that heard of no requirements has to fit by itself. */
function checkUnasked({ spec }: Origin, options: HandleOptions, attempts: number): void {
  checkQueue(spec, options, attempts);
  if (!options.onBadMessage) return;
  throw new PulseError(
    'invalid',
    'onBadMessage of handle does not reach its consume: something between them shares messages (share, groupBy, a Subject); ' +
      'give it to consume instead',
  );
}

function checkQueue(queue: QueueSpec, { deadLetter }: HandleOptions, attempts: number): void {
  if (deadLetter && !queue.deadLetter) {
    throw new PulseError(
      'invalid',
      'the queue keeps no dead letters: namedQueue(…, { deadLetter: true }) would',
    );
  }
  const { deliveryLimit = Infinity } = queue.options;
  if (attempts <= deliveryLimit) return;
  throw new PulseError(
    'invalid',
    `retry.attempts is ${attempts}, and the queue gives a message up after ${deliveryLimit} deliveries: lower the one, ` +
      'or declare a queue of another name with a greater deliveryLimit',
  );
}
