import { Subject, type Subscriber } from 'rxjs';
import { PulseError } from '../errors.ts';
import { HandledItem } from './handled-item.ts';
import type { HandleEvent, HandleOptions, HandleResult, Handler } from './handle-options.ts';
import type { Origin, PulseMessage } from '../consume/message.ts';
import { OutageGate } from './outage-gate.ts';
import { Retries } from './retries.ts';
import { retryDelay, type RetryPolicy } from './retry-policy.ts';
import { Verdict } from '../verdict.ts';

/** Runs the handlers of one subscription. */
export class Handling<M extends PulseMessage> {
  readonly #handler: Handler<M>;
  readonly #concurrency: number;
  readonly #policy: RetryPolicy;
  readonly #options: HandleOptions;
  readonly #accepts: (origin: Origin) => boolean;
  readonly #subscriber: Subscriber<HandleResult<M>>;
  readonly #gate: OutageGate;
  /** Not started yet. */
  #waiting: HandledItem<M>[] = [];
  readonly #running = new Set<HandledItem<M>>();
  /** Those of them whose messages are lost, and come again: they have been told, and take no place any more. */
  readonly #forsaken = new Set<HandledItem<M>>();
  readonly #retries: Retries<M>;
  // RxJS reports what a listener throws, as it does for a subscriber: it breaks nothing here.
  readonly #events$ = new Subject<HandleEvent>();
  /** Failed messages of which it is not known yet whether the broker has their copies. */
  #retrying = 0;
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
    /** Whether messages of a consumer can be handled as promised; if not, the subscriber has been told. */
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
    this.#retries = new Retries<M>({
      due: item => {
        this.#tryHere(item);
      },
      notCounted: message => {
        this.#events$.next({ type: 'not-counted', message });
      },
      crowded: waiting => {
        this.#events$.next({ type: 'crowded', waiting });
      },
    });
    this.#gate = new OutageGate(
      concurrency,
      ms => {
        this.#makeRoom();
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
    else this.#tryHere(item);
  }

  /** No handler starts any more: what waits is given back, and the stream completes when those that run are done. */
  finish(): void {
    this.#finishing = true;
    this.#gate.stop();
    for (const { message } of this.#waiting.splice(0)) message.requeue();
    this.#retries.finish();
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
    this.#retries.leave();
    this.#waiting = [];
  }

  /** Whether messages of this origin can be handled. */
  #cameFrom(origin: Origin | undefined): boolean {
    if (origin === this.#origin) return true;
    if (origin && !this.#accepts(origin)) return false;
    this.#origin = origin;
    this.#forgetLost();
    return true;
  }

  /** What came over a channel that has gone is delivered again: to keep it here would double it, and never end. */
  #forgetLost(): void {
    this.#waiting = this.#waiting.filter(({ lost }) => !lost);
    this.#retries.forgetLost();
    for (const item of this.#running) {
      if (!item.lost) continue;
      this.#running.delete(item);
      this.#forsaken.add(item);
    }
  }

  /**
   * Lets what waits for a retry out of the prefetch, so that others can come. During an outage others would only wait too: then
   * the prefetch may fill, unless there is nothing left to try.
   */
  #makeRoom(): void {
    this.#retries.outside = !this.#gate.closed || this.#waiting.length === 0;
  }

  #pump(): void {
    // A handler that is done at once would come back here from below.
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#waiting.length > 0 && !this.#left) {
      if (this.#running.size >= this.#concurrency || !this.#gate.admits) break;
      const item = this.#waiting.shift();
      if (item && !item.lost) this.#start(item);
    }
    this.#pumping = false;
    this.#makeRoom();
  }

  #start(item: HandledItem<M>): void {
    this.#running.add(item);
    this.#gate.started();
    item.startedMs = performance.now();
    const { around } = this.#options;
    const handler = () => this.#handler(item.message, item);
    const run = around ? () => around(item.message, item, handler) : handler;
    let result: unknown;
    try {
      result = item.traced(run);
      if (isThenable(result)) {
        // A promise of somebody else's may say several things, or throw.
        Promise.resolve(result).then(
          value => {
            this.#returned(item, value);
          },
          (error: unknown) => {
            this.#failed(item, error);
          },
        );
        return;
      }
    } catch (error) {
      this.#failed(item, error);
      return;
    }
    this.#returned(item, result);
  }

  #returned(item: HandledItem<M>, value: unknown): void {
    if (value instanceof Verdict) {
      this.#failed(item, value);
      return;
    }
    const wasPaused = this.#gate.closed;
    this.#gate.succeeded();
    if (wasPaused) this.#events$.next({ type: 'resumed' });
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
      this.#gate.undecided();
      this.#end(item, { outcome: message.settled ? item.settledAs : 'lost', error });
      return;
    }
    if (verdict) this.#gate.undecided();
    else if (!this.#finishing) this.#gate.failed(item.attempt === 1);
    if (verdict?.kind === 'dead-letter' && !item.keepsDeadLetters) {
      const why =
        'a handler said deadLetter(), and the queue keeps none: namedQueue(…, { deadLetter: true }) would';
      this.#subscriber.error(new PulseError('invalid', why));
      return;
    }
    if (item.lastAttempt || (verdict && verdict.kind !== 'retry')) {
      const inTime = message.reject();
      this.#end(item, { outcome: inTime ? item.givenUpAs : 'lost', error });
      return;
    }
    const failures = item.attempt;
    const retryInMs = verdict?.delayMs ?? retryDelay(failures, this.#policy.backoff);
    // Under way before anybody is told: whoever hears of it may leave, and the stream is not complete before.
    this.#retrying++;
    this.#end(item, { outcome: 'retried', error, retryInMs });
    void this.#retries.again(item, failures, retryInMs).finally(() => {
      this.#retrying--;
      this.#completeWhenDone();
    });
  }

  #tryHere(item: HandledItem<M>): void {
    this.#waiting.push(item);
    this.#pump();
  }

  #end(item: HandledItem<M>, what: Pick<HandleResult<M>, 'outcome' | 'error' | 'retryInMs'>): void {
    const { message, attempt, startedMs } = item;
    if (!this.#running.delete(item)) this.#forsaken.delete(item);
    item.over();
    this.#subscriber.next({ message, attempts: attempt, durationMs: performance.now() - startedMs, ...what });
    this.#pump();
    this.#completeWhenDone();
  }

  #completeWhenDone(): void {
    if (!this.#finishing || this.#running.size + this.#forsaken.size + this.#retrying > 0) return;
    this.#subscriber.complete();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
