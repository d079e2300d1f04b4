import type { Subscription } from 'rxjs';
import { PulseError } from '../errors.ts';
import type { Flow } from '../transport/flow.ts';
import type { BrokerSettlement } from './message.ts';
import type { Delivery, TransportChannel } from '../transport/transport.ts';
import { Unsettled, type Held } from './unsettled.ts';

/**
 * How many messages may be held beyond a prefetch. Each keeps its body in memory, and PulseGuardian warns at 2,000
 * messages.
 */
const MAX_BESIDE = 1_000;

/**
 * One consumer on one channel. It receives deliveries, sends their outcomes back, and stops in the right order.
 *
 * Demand is met exactly. The broker's prefetch is fixed for a consumer's lifetime and counts unsettled messages. When
 * the demand differs from what the broker's current consumer may still deliver, that consumer is replaced. Outcomes
 * are sent at the end of the turn, after such a cancel, because an earlier acknowledgement would let the broker
 * deliver more. Messages that were on their way when the demand fell or the consumer was stopped are given back.
 *
 * An excluded message waits until it is due and should not use up prefetch. When half of a prefetch is excluded, a
 * new consumer with a full prefetch replaces the old one, and the messages of the old consumer stay held in addition.
 */
export class Consumer {
  readonly #channel: TransportChannel;
  readonly #queue: string;
  readonly #flow: Flow;
  readonly #onDelivery: (delivery: Delivery) => void;
  readonly #onBroken: (error: unknown) => void;
  readonly #unsettled: Unsettled;
  /** Unwanted deliveries, to be requeued once this consumer cannot receive them again. */
  #unwanted: number[] = [];
  #flushPlanned = false;
  #demand = 0;
  #paused = false;
  #demanding: Subscription | undefined;
  #adjusting: Promise<void> | undefined;
  /** The broker's current consumer: its tag, its prefetch, and its generation number. */
  #tag: string | undefined;
  #window = 0;
  #generation = 0;
  /** How many messages of the broker's current consumer are excluded. */
  #excluded = 0;
  #stopping = false;
  #stopped = false;
  #over = false;

  constructor(
    channel: TransportChannel,
    queue: string,
    flow: Flow,
    onDelivery: (delivery: Delivery) => void,
    /** Called when the consumer cannot continue, unless it is stopping. */
    onBroken: (error: unknown) => void,
  ) {
    this.#channel = channel;
    this.#unsettled = new Unsettled(channel);
    this.#queue = queue;
    this.#flow = flow;
    this.#onDelivery = onDelivery;
    this.#onBroken = onBroken;
    void channel.closed.then(error => {
      this.#over = true;
      this.#broken(error);
    });
  }

  /** Settles when the broker has confirmed the consumer, or at once if nothing is wanted. Never rejects. */
  async start(): Promise<void> {
    if ('demand$' in this.#flow) {
      this.#demanding = this.#flow.demand$.subscribe(demand => {
        this.#demand = demand;
        this.#plan();
      });
    } else {
      this.#demanding = this.#flow.paused$?.subscribe(paused => {
        this.#paused = paused;
        this.#plan();
      });
    }
    await this.#adjust();
  }

  /** Accepts a message's outcome. Returns false if it is too late because the channel is lost. */
  settle(deliveryTag: number, settlement: BrokerSettlement): boolean {
    if (this.#over) return false;
    if (this.#excluded > 0) this.excludeFromPrefetch(deliveryTag, false);
    this.#unsettled.settle(deliveryTag, settlement);
    this.#plan();
    return true;
  }

  /**
   * Excludes a held message from the prefetch, or includes it again. With `demand$` this has no effect, because a
   * demand does not include held messages.
   *
   * @returns false if so many messages are held that excluded messages use up prefetch
   */
  excludeFromPrefetch(deliveryTag: number, excluded: boolean): boolean {
    if (this.#over || !('prefetch' in this.#flow)) return true;
    if (this.#unsettled.excludeFromPrefetch(deliveryTag, excluded) !== this.#generation) return true;
    this.#excluded += excluded ? 1 : -1;
    if (2 * this.#excluded < this.#window) return true;
    this.#plan();
    return this.#needsWiderWindow;
  }

  get held(): Held {
    return this.#unsettled.held;
  }

  /**
   * Cancels. Settles when the broker has confirmed; no delivery arrives after that. Held messages can still be
   * settled.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#demanding?.unsubscribe();
    await this.#adjust();
    this.#stopped = true;
    this.#closeWhenDrained();
  }

  /** Closes the channel. The broker requeues all of its unsettled messages. */
  async abandon(): Promise<void> {
    this.#stopping = true;
    this.#demanding?.unsubscribe();
    this.#unsettled.flush();
    this.#over = true;
    await this.#channel.close();
  }

  /** Settles when the channel is closed. After {@link stop}, that is when the last held message has been settled. */
  get drained(): Promise<unknown> {
    return this.#channel.closed;
  }

  /** Whether {@link stop} or {@link abandon} was called. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Whether the broker has confirmed the stop. */
  get stopped(): boolean {
    return this.#stopped;
  }

  #plan(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    const flush = () => {
      this.#flushPlanned = false;
      if (this.#over) return;
      void this.#adjust();
      this.#unsettled.flush();
      if (this.#excluded > 0) void this.#adjust();
      this.#closeWhenDrained();
    };
    // A falling demand must take effect before the next message. Otherwise, the outcomes of the whole turn go together.
    if ('demand$' in this.#flow) queueMicrotask(flush);
    else setImmediate(flush);
  }

  /** The wanted prefetch, or the current demand. */
  #wanted(): number {
    if (this.#stopping || this.#paused) return 0;
    return 'prefetch' in this.#flow ? this.#flow.prefetch : this.#demand;
  }

  /** Whether the broker's current consumer matches what is wanted. */
  #met(): boolean {
    if (this.#over) return true;
    if (this.#stopping) return this.#tag === undefined;
    if ('prefetch' in this.#flow) {
      return this.#unwanted.length === 0 && this.#window === this.#wanted() && !this.#needsWiderWindow;
    }
    return (
      this.#unwanted.length === 0 && this.#demand === this.#window - this.#unsettled.countOf(this.#generation)
    );
  }

  /** Whether enough messages are excluded to justify a new consumer, and there is room to hold its messages. */
  get #needsWiderWindow(): boolean {
    const half = this.#excluded > 0 && 2 * this.#excluded >= this.#window;
    return half && this.#unsettled.size - this.#window < MAX_BESIDE;
  }

  /** Replaces the broker's consumer until it matches what is wanted. Makes one change at a time. */
  #adjust(): Promise<void> {
    if (!this.#met()) this.#adjusting ??= this.#replace();
    return this.#adjusting ?? Promise.resolve();
  }

  async #replace(): Promise<void> {
    try {
      while (!this.#met()) {
        const wanted = this.#wanted();
        const before = this.#tag;
        if (before !== undefined && this.#needsWiderWindow && this.#window === wanted) {
          // Start the new consumer first, because an auto-delete queue is removed with its last consumer.
          await this.#consume(wanted);
          await this.#channel.cancel(before);
        } else {
          await this.#cancel();
          if (this.#wanted() > 0) await this.#consume(this.#wanted());
        }
      }
    } catch (error) {
      this.#broken(error);
    } finally {
      this.#adjusting = undefined;
    }
  }

  async #consume(prefetch: number): Promise<void> {
    const generation = ++this.#generation;
    this.#window = prefetch;
    this.#excluded = 0;
    this.#tag = await this.#channel.consume(
      this.#queue,
      prefetch,
      delivery => {
        this.#unsettled.add(delivery.deliveryTag, generation);
        if (this.#wanted() > 0) {
          this.#onDelivery(delivery);
        } else {
          this.#unwanted.push(delivery.deliveryTag);
          this.#plan();
        }
      },
      () => {
        this.#broken(new PulseError('connection', `the broker ended the consumer of ${this.#queue}`));
      },
      this.#flow.priority,
    );
  }

  async #cancel(): Promise<void> {
    const tag = this.#tag;
    this.#tag = undefined;
    this.#window = 0;
    this.#excluded = 0;
    this.#generation++;
    if (tag !== undefined) await this.#channel.cancel(tag);
    for (const deliveryTag of this.#unwanted.splice(0)) this.#unsettled.giveBack(deliveryTag);
  }

  #broken(error: unknown): void {
    this.#demanding?.unsubscribe();
    if (!this.#stopping) this.#onBroken(error);
  }

  #closeWhenDrained(): void {
    if (this.#stopped && this.#unsettled.held.count === 0) void this.#channel.close();
  }
}
