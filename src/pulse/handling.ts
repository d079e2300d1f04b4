import type { Subscriber } from 'rxjs';
import { PulseError } from './errors.ts';
import { HandledItem } from './handled-item.ts';
import type { HandleOptions, HandleResult, Handler } from './handle-options.ts';
import { DeliveredMessage, type Origin, type PulseMessage } from './message.ts';
import { OutageGate } from './outage-gate.ts';
import { retryDelay, type RetryPolicy } from './retry-policy.ts';
import { Verdict } from './verdict.ts';

/** Runs the handlers of one subscription. */
export class Handling<M extends PulseMessage> {
  readonly #handler: Handler<M>;
  readonly #concurrency: number;
  readonly #policy: RetryPolicy;
  readonly #options: HandleOptions;
  readonly #subscriber: Subscriber<HandleResult<M>>;
  readonly #gate: OutageGate;
  /** Not started yet. Never more than the prefetch. */
  #waiting: HandledItem<M>[] = [];
  readonly #running = new Set<HandledItem<M>>();
  /** Held until they are tried again. */
  readonly #delayed = new Map<HandledItem<M>, NodeJS.Timeout>();
  /** Copies of failed messages that the broker has not confirmed yet. */
  #republishing = 0;
  #finishing = false;
  #left = false;
  #pumping = false;
  /** Where the last message came from. */
  #origin: Origin | undefined;

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
    const item = new HandledItem(message, this.#policy);
    this.#forgetLost(item.origin);
    this.#delay(item, item.waitMs, () => {
      this.#tryHere(item);
    });
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

  /** What came over a channel that has gone is delivered again: to keep it here would double it, and never end. */
  #forgetLost(origin: Origin | undefined): void {
    if (origin === this.#origin) return;
    this.#origin = origin;
    this.#waiting = this.#waiting.filter(({ lost }) => !lost);
    for (const [item, timer] of this.#delayed) {
      if (!item.lost) continue;
      clearTimeout(timer);
      this.#delayed.delete(item);
    }
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
      if (item && !item.lost) this.#start(item);
    }
    this.#pumping = false;
  }

  #start(item: HandledItem<M>): void {
    this.#running.add(item);
    item.startedMs = performance.now();
    const { around } = this.#options;
    const handler = () => this.#handler(item.message, item);
    const run = around ? () => around(item.message, item, handler) : handler;
    let result: unknown;
    try {
      result = item.traced(run);
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

  #returned(item: HandledItem<M>, value: unknown): void {
    if (value instanceof Verdict) {
      this.#failed(item, value);
      return;
    }
    const wasPaused = this.#gate.limit(this.#concurrency) < this.#concurrency;
    this.#gate.succeeded();
    if (wasPaused) this.#options.onEvent?.({ type: 'resumed' });
    const { message } = item;
    const inTime = message.settled || message.ack();
    this.#end(item, { outcome: inTime ? item.settledAs : 'lost' });
  }

  #failed(item: HandledItem<M>, error: unknown): void {
    const verdict = error instanceof Verdict ? error : undefined;
    const { message } = item;
    // The broker has it back: to write a failure down now would double it.
    if (this.#left) return;
    if (message.settled || item.lost) {
      this.#end(item, { outcome: message.settled ? item.settledAs : 'lost', error });
      return;
    }
    if (!verdict) this.#gate.failed(item.attempt === 1);
    if (verdict?.kind === 'dead-letter' && !item.keepsDeadLetters) {
      const why =
        'a handler said deadLetter(), and the queue keeps none: namedQueue(…, { deadLetter: true }) would';
      this.#subscriber.error(new PulseError('invalid', why));
      return;
    }
    if (item.lastAttempt || (verdict && verdict.kind !== 'retry')) {
      const inTime = message.reject();
      const kept = item.keepsDeadLetters ? 'dead-lettered' : 'rejected';
      this.#end(item, { outcome: inTime ? kept : 'lost', error });
      return;
    }
    const failures = item.attempt;
    const retryInMs = verdict?.delayMs ?? retryDelay(failures, this.#policy.backoff);
    this.#end(item, { outcome: 'retried', error, retryInMs });
    void this.#again(item, failures, retryInMs);
  }

  /** Writes a failure down, and lets the message be tried again when it is due: by whoever gets it, or else here. */
  async #again(item: HandledItem<M>, failures: number, delayMs: number): Promise<void> {
    const { message } = item;
    if (item.origin?.spec.options.quorum) {
      this.#delay(item, delayMs, () => {
        DeliveredMessage.giveBackCounted(message);
      });
      return;
    }
    if (item.origin) {
      this.#republishing++;
      const counted = await item.writeDown(failures, delayMs);
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

  #tryHere(item: HandledItem<M>): void {
    this.#waiting.push(item);
    this.#pump();
  }

  /** Holds a message until it is due, or gives it back when there is nobody to wait for that. */
  #delay(item: HandledItem<M>, ms: number, due: () => void): void {
    if (ms <= 0) {
      due();
      return;
    }
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

  #end(item: HandledItem<M>, what: Pick<HandleResult<M>, 'outcome' | 'error' | 'retryInMs'>): void {
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

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
