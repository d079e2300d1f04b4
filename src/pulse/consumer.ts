import type { Observable, Subscription } from 'rxjs';
import type { PulseError } from './errors.ts';
import type { Outcome } from './message.ts';
import type { Delivery, TransportChannel } from './transport.ts';

/** How much may be delivered: a fixed number unsettled at a time, or as many more as somebody asks for. */
export type Flow = { readonly prefetch: number } | { readonly demand$: Observable<number> };

/**
 * One consumer on one channel: takes deliveries in, sends their outcomes back, and stops in the right order.
 *
 * Demand is met exactly. The broker's prefetch is fixed for a consumer's life and counts what is unsettled, so
 * when the demand is no longer what the present consumer may still get, that consumer is replaced. Outcomes are
 * sent at the end of the turn, after such a cancel: an acknowledgement would open the window first.
 */
export class Consumer {
  readonly #channel: TransportChannel;
  readonly #queue: string;
  readonly #flow: Flow;
  readonly #onDelivery: (delivery: Delivery) => void;
  readonly #onBroken: (error?: PulseError) => void;
  readonly #held = new Map<number, number>();
  #outcomes: { deliveryTag: number; outcome: Outcome }[] = [];
  #flushPlanned = false;
  #demand = 0;
  #demanding: Subscription | undefined;
  #replacing: Promise<void> | undefined;
  #tag: string | undefined;
  #window = 0;
  #generation = 0;
  #stopped = false;
  #closing = false;
  #over = false;

  constructor(
    channel: TransportChannel,
    queue: string,
    flow: Flow,
    onDelivery: (delivery: Delivery) => void,
    /** Called when the consumer can not go on: an error, or none when the broker cancelled it. */
    onBroken: (error?: PulseError) => void,
  ) {
    this.#channel = channel;
    this.#queue = queue;
    this.#flow = flow;
    this.#onDelivery = onDelivery;
    this.#onBroken = onBroken;
    void channel.closed.then(error => {
      this.#over = true;
      this.#demanding?.unsubscribe();
      if (!this.#stopped) onBroken(error);
    });
  }

  /** Settles when the broker has confirmed the consumer, or at once while nothing is asked for. */
  async start(): Promise<void> {
    if ('prefetch' in this.#flow) {
      await this.#consume(this.#flow.prefetch);
      return;
    }
    // The first demand is there at once or later; either way it starts the first consumer.
    this.#demanding = this.#flow.demand$.subscribe(demand => {
      this.#demand = demand;
      this.#plan();
    });
    await Promise.resolve();
    await this.#replacing;
  }

  /** Takes a message's outcome. Returns false when it comes too late: the channel is gone. */
  settle(deliveryTag: number, outcome: Outcome): boolean {
    if (this.#over) return false;
    this.#outcomes.push({ deliveryTag, outcome });
    this.#plan();
    return true;
  }

  /** Cancels, and settles when the broker has confirmed: no delivery comes after. What is held may be settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#demanding?.unsubscribe();
    await this.#replacing;
    await this.#cancel().catch(() => undefined);
    this.#closeWhenDrained();
  }

  /** Closes the channel: the broker requeues all that is unsettled on it. */
  async abandon(): Promise<void> {
    this.#stopped = true;
    this.#demanding?.unsubscribe();
    this.#flush();
    await this.#channel.close();
  }

  /** Settles when the channel is gone, which after {@link stop} is when the last held message was settled. */
  get drained(): Promise<unknown> {
    return this.#channel.closed;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  #plan(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    queueMicrotask(() => {
      this.#flush();
    });
  }

  #flush(): void {
    this.#flushPlanned = false;
    if (this.#over) return;
    for (const { deliveryTag } of this.#outcomes) this.#held.delete(deliveryTag);
    if (!this.#met()) this.#replacing ??= this.#replace();
    try {
      for (const { deliveryTag, outcome } of this.#outcomes.splice(0)) {
        if (outcome === 'ack') this.#channel.ack(deliveryTag);
        else this.#channel.nack(deliveryTag, outcome === 'requeue');
      }
    } catch {
      // The channel closed under us: the broker has all of them back, and `closed` tells the rest.
    }
    if (this.#stopped) this.#closeWhenDrained();
  }

  /** Whether what the present consumer may still get is what is asked for. */
  #met(): boolean {
    if ('prefetch' in this.#flow || this.#stopped) return true;
    const held = [...this.#held.values()].filter(generation => generation === this.#generation).length;
    return this.#demand === this.#window - held;
  }

  async #replace(): Promise<void> {
    try {
      do {
        await this.#cancel();
        if (this.#demand > 0) await this.#consume(this.#demand);
      } while (!this.#met());
    } catch (error) {
      this.#onBroken(error as PulseError);
    } finally {
      this.#replacing = undefined;
    }
  }

  async #consume(prefetch: number): Promise<void> {
    const generation = ++this.#generation;
    this.#window = prefetch;
    this.#tag = await this.#channel.consume(
      this.#queue,
      prefetch,
      delivery => {
        this.#held.set(delivery.deliveryTag, generation);
        this.#onDelivery(delivery);
      },
      () => {
        this.#onBroken();
      },
    );
  }

  async #cancel(): Promise<void> {
    const tag = this.#tag;
    this.#tag = undefined;
    this.#window = 0;
    this.#generation++;
    if (tag !== undefined && !this.#over) await this.#channel.cancel(tag);
  }

  #closeWhenDrained(): void {
    if (this.#held.size > 0 || this.#closing) return;
    this.#closing = true;
    void this.#channel.close();
  }
}
