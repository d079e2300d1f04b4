import type { Subscriber } from 'rxjs';
import { PulseError } from './errors.ts';
import type { HandleOptions, HandlerContext, HandleResult, Handler } from './handle-options.ts';
import { waitOf } from './attempts.ts';
import { DeliveredMessage, type PulseMessage } from './message.ts';
import { OutageGate } from './outage-gate.ts';
import { retryDelay, type RetryPolicy } from './retry-policy.ts';
import { Verdict } from './verdict.ts';

/** A message that was delivered to the operator and is not settled. */
class Item<M extends PulseMessage> implements HandlerContext {
  readonly message: M;
  readonly #policy: RetryPolicy;
  /** Tries of this delivery that could not be written down. */
  uncounted = 0;
  startedMs = 0;
  #abort: AbortController | undefined;
  #forget: (() => void) | undefined;

  constructor(message: M, policy: RetryPolicy) {
    this.message = message;
    this.#policy = policy;
  }

  get attempt(): number {
    return this.message.attempt + this.uncounted;
  }

  get lastAttempt(): boolean {
    return this.attempt >= this.#policy.attempts;
  }

  /** Made when it is asked for: most handlers never do. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      const abort = (this.#abort = new AbortController());
      this.#forget = DeliveredMessage.sourceOf(this.message)?.origin.onLost(() => {
        abort.abort(new PulseError('connection', 'the message is lost: its channel has gone'));
      });
    }
    return this.#abort.signal;
  }

  over(): void {
    this.#forget?.();
    this.#forget = undefined;
    // A second try of the same delivery gets a signal of its own.
    this.#abort = undefined;
  }

  abort(reason: PulseError): void {
    this.#abort?.abort(reason);
  }
}

/** Runs the handlers of one subscription. */
export class Handling<M extends PulseMessage> {
  readonly #handler: Handler<M>;
  readonly #concurrency: number;
  readonly #policy: RetryPolicy;
  readonly #options: HandleOptions;
  readonly #subscriber: Subscriber<HandleResult<M>>;
  readonly #gate: OutageGate;
  /** Not started yet. Never more than the prefetch. */
  #waiting: Item<M>[] = [];
  readonly #running = new Set<Item<M>>();
  /** Held until they are tried again. */
  readonly #delayed = new Map<Item<M>, NodeJS.Timeout>();
  /** Copies of failed messages that the broker has not confirmed yet. */
  #republishing = 0;
  #finishing = false;
  #left = false;
  #pumping = false;

  constructor(
    handler: Handler<M>,
    concurrency: number,
    policy: RetryPolicy,
    options: HandleOptions,
    subscriber: Subscriber<HandleResult<M>>,
  ) {
    this.#handler = handler;
    this.#concurrency = concurrency;
    this.#policy = policy;
    this.#options = options;
    this.#subscriber = subscriber;
    this.#gate = new OutageGate(
      concurrency,
      ms => options.onEvent?.({ type: 'paused', ms }),
      () => {
        this.#pump();
      },
    );
  }

  take(message: M): void {
    const item = new Item(message, this.#policy);
    const source = DeliveredMessage.sourceOf(message);
    const waitMs = source ? waitOf(source.delivery) : 0;
    if (waitMs > 0)
      this.#delay(item, waitMs, () => {
        this.#tryHere(item);
      });
    else this.#tryHere(item);
  }

  /** No handler starts any more: what waits is given back, and the stream completes when those that run are done. */
  finish(): void {
    this.#finishing = true;
    this.#gate.stop();
    this.#giveBack();
    this.#completeWhenDone();
  }

  /** Nobody is there for results any more. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#gate.stop();
    const reason = new PulseError('closed', 'the stream of results was left');
    for (const item of this.#running) item.abort(reason);
    // While a stopped consumer waits for what it holds. One that is not stopped gives everything back by itself.
    if (this.#finishing) for (const { message } of this.#running) message.requeue();
    for (const timer of this.#delayed.values()) clearTimeout(timer);
    this.#waiting = [];
  }

  #giveBack(): void {
    for (const { message } of this.#waiting.splice(0)) message.requeue();
    for (const [{ message }, timer] of this.#delayed) {
      clearTimeout(timer);
      DeliveredMessage.giveBackCounted(message);
    }
    this.#delayed.clear();
  }

  #pump(): void {
    // A handler that is done at once would come back here from below.
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#waiting.length > 0 && !this.#left) {
      if (this.#running.size >= this.#gate.limit(this.#concurrency)) break;
      const item = this.#waiting.shift();
      if (item) this.#start(item);
    }
    this.#pumping = false;
  }

  #start(item: Item<M>): void {
    this.#running.add(item);
    item.startedMs = performance.now();
    const { around } = this.#options;
    const run = () => this.#handler(item.message, item);
    let result: unknown;
    try {
      result = around ? around(item.message, item, run) : run();
    } catch (error) {
      this.#failed(item, error);
      return;
    }
    if (!isThenable(result)) {
      this.#returned(item, result);
      return;
    }
    result.then(
      value => {
        this.#returned(item, value);
      },
      (error: unknown) => {
        this.#failed(item, error);
      },
    );
  }

  #returned(item: Item<M>, value: unknown): void {
    if (value instanceof Verdict) {
      this.#failed(item, value);
      return;
    }
    const wasPaused = this.#gate.limit(this.#concurrency) < this.#concurrency;
    this.#gate.succeeded();
    if (wasPaused) this.#options.onEvent?.({ type: 'resumed' });
    const { message } = item;
    const inTime = message.settled || message.ack();
    this.#end(item, { outcome: inTime ? outcomeOf(message) : 'lost' });
  }

  #failed(item: Item<M>, error: unknown): void {
    const verdict = error instanceof Verdict ? error : undefined;
    const { message } = item;
    // The broker has it back: to write a failure down now would double it.
    if (this.#left) return;
    if (message.settled || item.signal.aborted) {
      this.#end(item, { outcome: message.settled ? outcomeOf(message) : 'lost', error });
      return;
    }
    if (!verdict) this.#gate.failed(item.attempt === 1);
    if (verdict?.kind === 'dead-letter' && !keepsDeadLetters(message)) {
      const why =
        'a handler said deadLetter(), and the queue keeps none: namedQueue(…, { deadLetter: true }) would';
      this.#subscriber.error(new PulseError('invalid', why));
      return;
    }
    if (item.lastAttempt || (verdict && verdict.kind !== 'retry')) {
      const inTime = message.reject();
      const kept = keepsDeadLetters(message) ? 'dead-lettered' : 'rejected';
      this.#end(item, { outcome: inTime ? kept : 'lost', error });
      return;
    }
    const failures = item.attempt;
    const retryInMs = verdict?.delayMs ?? retryDelay(failures, this.#policy.backoff);
    this.#end(item, { outcome: 'retried', error, retryInMs });
    void this.#again(item, failures, retryInMs);
  }

  /** Writes a failure down, and lets the message be tried again when it is due: by whoever gets it, or else here. */
  async #again(item: Item<M>, failures: number, delayMs: number): Promise<void> {
    const { message } = item;
    const source = DeliveredMessage.sourceOf(message);
    if (source?.origin.spec.options.quorum) {
      this.#delay(item, delayMs, () => {
        DeliveredMessage.giveBackCounted(message);
      });
      return;
    }
    if (source) {
      this.#republishing++;
      const dueMs = Date.now() + delayMs;
      const counted = await source.origin.republish(source.delivery, { failures, delayMs, dueMs });
      this.#republishing--;
      if (counted) {
        message.ack();
        this.#completeWhenDone();
        return;
      }
      this.#options.onEvent?.({ type: 'not-counted', message });
    }
    item.uncounted++;
    this.#delay(item, delayMs, () => {
      this.#tryHere(item);
    });
    this.#completeWhenDone();
  }

  #tryHere(item: Item<M>): void {
    this.#waiting.push(item);
    this.#pump();
  }

  /** Holds a message until it is due, or gives it back when there is nobody to wait for that. */
  #delay(item: Item<M>, ms: number, due: () => void): void {
    if (this.#finishing || this.#left) {
      DeliveredMessage.giveBackCounted(item.message);
      return;
    }
    const timer = setTimeout(() => {
      this.#delayed.delete(item);
      due();
    }, ms);
    this.#delayed.set(item, timer);
  }

  #end(item: Item<M>, what: Pick<HandleResult<M>, 'outcome' | 'error' | 'retryInMs'>): void {
    const { message, attempt, startedMs } = item;
    this.#running.delete(item);
    item.over();
    this.#subscriber.next({ message, attempts: attempt, durationMs: performance.now() - startedMs, ...what });
    this.#pump();
    this.#completeWhenDone();
  }

  #completeWhenDone(): void {
    if (!this.#finishing || this.#running.size > 0 || this.#republishing > 0) return;
    this.#subscriber.complete();
  }
}

/** What a settled message's end is called. */
function outcomeOf(message: PulseMessage): HandleResult<PulseMessage>['outcome'] {
  if (message.outcome === 'ack') return 'acked';
  if (message.outcome === 'requeue') return 'requeued';
  return keepsDeadLetters(message) ? 'dead-lettered' : 'rejected';
}

function keepsDeadLetters(message: PulseMessage): boolean {
  return DeliveredMessage.sourceOf(message)?.origin.spec.deadLetter !== undefined;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
