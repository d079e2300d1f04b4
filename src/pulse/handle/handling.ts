import { Subject, type Subscriber } from 'rxjs';
import { equalJitter } from '../../base/index.ts';
import { PulseError } from '../errors.ts';
import { Batches } from './batches.ts';
import { HandledItem } from './handled-item.ts';
import type {
  BatchHandleOptions,
  BatchHandler,
  HandleEvent,
  HandleOptions,
  HandleResult,
  Handler,
} from './handle-options.ts';
import { HandlerCall, type Failure } from './handler-call.ts';
import { runHandler } from './run-handler.ts';
import type { Origin, PulseMessage } from '../consume/message.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { Retries } from './retries.ts';
import type { RetryPolicy } from './retry-policy.ts';
import { Verdict } from '../verdict.ts';

/** Runs the handlers of one subscription. */
export class Handling<M extends PulseMessage> {
  readonly #handler: Handler<M> | BatchHandler<M>;
  readonly #concurrency: number;
  readonly #policy: RetryPolicy;
  readonly #options: HandleOptions | BatchHandleOptions;
  readonly #accepts: (origin: Origin) => boolean;
  readonly #subscriber: Subscriber<HandleResult<M>>;
  readonly #breaker: CircuitBreaker;
  readonly #batches: Batches;
  /** Messages whose handlers have not started yet. */
  #waiting: HandledItem<M>[] = [];
  /** Calls that count towards the concurrency. */
  readonly #calls = new Set<HandlerCall<M>>();
  readonly #running = new Set<HandledItem<M>>();
  /** Lost messages whose handlers still run. The handlers' signals are aborted, and other handlers may start. */
  readonly #lostButRunning = new Set<HandledItem<M>>();
  readonly #retries: Retries<M>;
  // A Subject, so that RxJS reports an error that a listener throws.
  readonly #events$ = new Subject<HandleEvent>();
  /** Number of failed messages for which it is still unknown whether the broker has their copies. */
  #retrying = 0;
  #finishing = false;
  #left = false;
  #pumping = false;
  /** The consumer of the latest message. */
  #origin: Origin | undefined;

  constructor(
    handler: Handler<M> | BatchHandler<M>,
    concurrency: number,
    policy: RetryPolicy,
    options: HandleOptions | BatchHandleOptions,
    /** Whether a consumer meets the requirements. If not, it passes the error to the subscriber. */
    accepts: (origin: Origin) => boolean,
    subscriber: Subscriber<HandleResult<M>>,
  ) {
    this.#handler = handler;
    this.#concurrency = concurrency;
    this.#policy = policy;
    this.#options = options;
    this.#accepts = accepts;
    this.#subscriber = subscriber;
    this.#events$.subscribe(options.onEvent);
    this.#batches = new Batches(options.batch, () => {
      this.#pump();
    });
    this.#retries = new Retries<M>({
      due: item => {
        this.#retryLocally(item);
      },
      notCounted: message => {
        this.#events$.next({ type: 'not-counted', message });
      },
      crowded: waiting => {
        this.#events$.next({ type: 'crowded', waiting });
      },
    });
    this.#breaker = new CircuitBreaker(
      concurrency,
      ms => {
        this.#excludeRetries();
        this.#events$.next({ type: 'paused', ms });
      },
      () => {
        this.#pump();
      },
    );
  }

  take(message: M): void {
    const item = new HandledItem(message, this.#policy);
    if (!this.#cameFrom(item.origin)) return;
    const ms = item.waitMs;
    if (ms > 0) this.#retries.hereAfter(item, ms);
    else this.#retryLocally(item);
  }

  /** Starts no more handlers, gives back the waiting messages, and completes when the running handlers have ended. */
  finish(): void {
    this.#finishing = true;
    this.#breaker.stop();
    this.#batches.stop();
    for (const { message } of this.#waiting.splice(0)) message.requeue();
    this.#retries.finish();
    this.#completeWhenDone();
  }

  /** Aborts the handlers, because the result stream was unsubscribed. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#breaker.stop();
    this.#batches.stop();
    const reason = new PulseError('closed', 'the stream of results was unsubscribed');
    for (const call of this.#calls) call.abort(reason);
    // A stopped consumer waits until its messages are settled. Any other consumer gives them back by itself.
    if (this.#finishing) for (const { message } of this.#running) message.requeue();
    this.#retries.leave();
    this.#waiting = [];
  }

  /** Notes the consumer of a message. Returns false if the consumer does not meet the requirements. */
  #cameFrom(origin: Origin | undefined): boolean {
    if (origin === this.#origin) return true;
    if (origin && !this.#accepts(origin)) return false;
    this.#origin = origin;
    this.#forgetLost();
    return true;
  }

  /** Forgets messages whose channel is lost, because the broker delivers them again. */
  #forgetLost(): void {
    this.#waiting = this.#waiting.filter(({ lost }) => !lost);
    this.#retries.forgetLost();
    for (const item of this.#running) {
      if (!item.lost) continue;
      this.#running.delete(item);
      this.#lostButRunning.add(item);
    }
    for (const call of this.#calls) if (call.lost) this.#calls.delete(call);
  }

  /**
   * Excludes messages that wait for a retry from the prefetch, so that other messages can arrive. During an outage,
   * other messages would only wait too. Then the prefetch may fill up, unless nothing is left to try.
   */
  #excludeRetries(): void {
    this.#retries.excluded = !this.#breaker.open || this.#waiting.length === 0;
  }

  #pump(): void {
    // Without this check, handlers that return synchronously would recurse.
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#waiting.length > 0 && !this.#left) {
      if (this.#calls.size >= this.#concurrency || !this.#breaker.allows) break;
      if (this.#waiting[0]?.lost) {
        this.#waiting.shift();
        continue;
      }
      const count = this.#batches.take(this.#waiting.length, this.#breaker.open);
      if (count === 0) break;
      const [first, ...others] = this.#waiting.splice(0, count).filter(({ lost }) => !lost);
      if (first) this.#start(new HandlerCall(first, others));
    }
    this.#pumping = false;
    this.#excludeRetries();
  }

  #start(call: HandlerCall<M>): void {
    this.#calls.add(call);
    for (const item of call.items) this.#running.add(item);
    this.#breaker.started();
    runHandler(call, this.#handler, this.#options, failures => {
      this.#settle(call, failures);
    });
  }

  /** Settles each message of a call. */
  #settle(call: HandlerCall<M>, failures: readonly (Failure | undefined)[]): void {
    if (!this.#left) this.#informBreaker(call, failures);
    this.#calls.delete(call);
    for (const [i, item] of call.items.entries()) {
      const failure = failures[i];
      if (failure) this.#failed(item, failure.error, call);
      else this.#succeeded(item, call);
    }
  }

  #informBreaker(call: HandlerCall<M>, failures: readonly (Failure | undefined)[]): void {
    const evidence = call.evidenceOf(failures);
    if (evidence === 'works') {
      const wasOpen = this.#breaker.open;
      this.#breaker.succeeded();
      if (wasOpen) this.#events$.next({ type: 'resumed' });
    } else if (evidence === 'nothing') this.#breaker.inconclusive();
    else if (!this.#finishing) this.#breaker.failed(call.items.some(({ attempt }) => attempt === 1));
  }

  #succeeded(item: HandledItem<M>, call: HandlerCall<M>): void {
    const { message } = item;
    const inTime = message.settled || message.ack();
    this.#end(item, call, { outcome: inTime ? item.settledAs : 'lost' });
  }

  #failed(item: HandledItem<M>, error: unknown, call: HandlerCall<M>): void {
    const verdict = error instanceof Verdict ? error : undefined;
    const { message } = item;
    // The broker already has the message back.
    if (this.#left) return;
    if (message.settled || item.lost) {
      this.#end(item, call, { outcome: message.settled ? item.settledAs : 'lost', error });
      return;
    }
    if (verdict?.kind === 'dead-letter' && !item.keepsDeadLetters) {
      const why =
        'a handler returned deadLetter(), but the queue keeps no dead letters; declare it with namedQueue(…, { deadLetter: true })';
      this.#subscriber.error(new PulseError('invalid', why));
      return;
    }
    if (item.lastAttempt || (verdict && verdict.kind !== 'retry')) {
      const inTime = message.reject();
      this.#end(item, call, { outcome: inTime ? item.givenUpAs : 'lost', error });
      return;
    }
    const failures = item.attempt;
    const retryInMs = verdict?.delayMs ?? equalJitter(failures, this.#policy.backoff);
    // Counted before the result is emitted: a subscriber may unsubscribe on it, and the stream must not complete first.
    this.#retrying++;
    this.#end(item, call, { outcome: 'retried', error, retryInMs });
    void this.#retries.again(item, failures, retryInMs).finally(() => {
      this.#retrying--;
      this.#completeWhenDone();
    });
  }

  #retryLocally(item: HandledItem<M>): void {
    this.#waiting.push(item);
    this.#pump();
  }

  #end(
    item: HandledItem<M>,
    { durationMs }: HandlerCall<M>,
    result: Pick<HandleResult<M>, 'outcome' | 'error' | 'retryInMs'>,
  ): void {
    const { message, attempt } = item;
    if (!this.#running.delete(item)) this.#lostButRunning.delete(item);
    this.#subscriber.next({ message, attempts: attempt, durationMs, ...result });
    this.#pump();
    this.#completeWhenDone();
  }

  #completeWhenDone(): void {
    if (!this.#finishing || this.#running.size + this.#lostButRunning.size + this.#retrying > 0) return;
    this.#subscriber.complete();
  }
}
