import type { Subscription } from 'rxjs';
import { PulseError } from '../errors.ts';
import type { Flow } from '../transport/flow.ts';
import type { BrokerSettlement } from './message.ts';
import type { Delivery, TransportChannel } from '../transport/transport.ts';
import { Unsettled, type Held } from './unsettled.ts';

/** Held beside a prefetch at most, excluded or not: each costs this process its body, and PulseGuardian warns at 2,000. */
const MOST_BESIDE = 1_000;

/**
 * One consumer on one channel: takes deliveries in, sends their outcomes back, and stops in the right order.
 *
 * Demand is met exactly. The broker's prefetch is fixed for a consumer's life and counts what is unsettled, so
 * when the demand is no longer what the present consumer may still get, that consumer is replaced. Outcomes are
 * sent at the end of the turn, after such a cancel: an acknowledgement would open the window first. What was under
 * way when the demand fell, or the consumer was stopped, is not handed over but given back.
 *
 * A message that is excluded waits for its time and not for a place. When half of a prefetch is excluded, the next
 * consumer begins with a whole window, and what the last one got is held beside it.
 */
export class Consumer {
  readonly #channel: TransportChannel;
  readonly #queue: string;
  readonly #flow: Flow;
  readonly #onDelivery: (delivery: Delivery) => void;
  readonly #onBroken: (error: unknown) => void;
  readonly #unsettled: Unsettled;
  /** Deliveries that nobody wants any more, to be requeued once no consumer of ours can get them again. */
  #unwanted: number[] = [];
  #flushPlanned = false;
  #demand = 0;
  #paused = false;
  #demanding: Subscription | undefined;
  #adjusting: Promise<void> | undefined;
  /** Of the broker's present consumer: its tag, its prefetch, and which of ours it is. */
  #tag: string | undefined;
  #window = 0;
  #generation = 0;
  /** How many messages of the present consumer are excluded. */
  #excluded = 0;
  #stopping = false;
  #stopped = false;
  #over = false;

  constructor(
    channel: TransportChannel,
    queue: string,
    flow: Flow,
    onDelivery: (delivery: Delivery) => void,
    /** Called when the consumer cannot go on, unless it was told to stop. */
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

  /** Settles when the broker has confirmed the consumer, or at once while nothing is asked for. Never rejects. */
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

  /** Takes a message's outcome. Returns false when it comes too late: the channel is gone. */
  settle(deliveryTag: number, settlement: BrokerSettlement): boolean {
    if (this.#over) return false;
    if (this.#excluded > 0) this.excludeFromPrefetch(deliveryTag, false);
    this.#unsettled.settle(deliveryTag, settlement);
    this.#plan();
    return true;
  }

  /**
   * Says of a held message that it waits for its time, outside of the prefetch, or does so no more. A demand says by
   * itself what it wants beside what is held.
   *
   * @returns false when so much is held that what is excluded takes places of the prefetch
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

  /** Cancels, and settles when the broker has confirmed: no delivery comes after. What is held may be settled. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#demanding?.unsubscribe();
    await this.#adjust();
    this.#stopped = true;
    this.#closeWhenDrained();
  }

  /** Closes the channel: the broker requeues all that is unsettled on it. */
  async abandon(): Promise<void> {
    this.#stopping = true;
    this.#demanding?.unsubscribe();
    this.#unsettled.flush();
    this.#over = true;
    await this.#channel.close();
  }

  /** Settles when the channel is gone, which after {@link stop} is when the last held message was settled. */
  get drained(): Promise<unknown> {
    return this.#channel.closed;
  }

  /** Whether it was told to stop. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Whether the broker has confirmed that it is stopped. */
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
    // A demand that falls has to be obeyed by the next message. Else the whole turn's outcomes go out together.
    if ('demand$' in this.#flow) queueMicrotask(flush);
    else setImmediate(flush);
  }

  /** How many more are asked for. */
  #wanted(): number {
    if (this.#stopping || this.#paused) return 0;
    return 'prefetch' in this.#flow ? this.#flow.prefetch : this.#demand;
  }

  /** Whether the broker's present consumer is the one that is asked for. */
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

  /** Whether the window is worth a new one, and there is room to hold its messages. */
  get #needsWiderWindow(): boolean {
    const half = this.#excluded > 0 && 2 * this.#excluded >= this.#window;
    return half && this.#unsettled.size - this.#window < MOST_BESIDE;
  }

  /** Replaces the broker's consumer until it is the one that is asked for; one change at a time. */
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
          // The next one comes first: an auto-delete queue goes with its last consumer.
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
