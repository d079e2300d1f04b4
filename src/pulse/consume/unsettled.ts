import type { BrokerSettlement } from './message.ts';
import type { TransportChannel } from '../transport/transport.ts';

/** The messages that a consumer currently holds. */
export interface Held {
  /** Number of messages that are delivered but not settled. */
  readonly count: number;
  /** How long the oldest of them has been held, in ms. 0 if there is none. */
  readonly oldestMs: number;
}

interface Entry {
  readonly generation: number;
  readonly sinceMs: number;
  /** Whether it is excluded from the prefetch. */
  excluded: boolean;
}

/**
 * The unsettled deliveries of one channel, and the outcomes that are not sent yet.
 *
 * Acknowledgements that are sent together become one frame if no older delivery on the channel is unsettled. If the
 * process dies before they are sent, some messages are delivered again, but none is lost.
 */
export class Unsettled {
  readonly #channel: TransportChannel;
  /** By delivery tag, the oldest first, because tags only grow. */
  readonly #held = new Map<number, Entry>();
  #acks: number[] = [];
  #givenBack: { deliveryTag: number; settlement: BrokerSettlement }[] = [];

  constructor(channel: TransportChannel) {
    this.#channel = channel;
  }

  get size(): number {
    return this.#held.size;
  }

  get held(): Held {
    const [oldest] = this.#held.values();
    return { count: this.#held.size, oldestMs: oldest ? performance.now() - oldest.sinceMs : 0 };
  }

  /** @param generation the consumer of the channel that received the delivery */
  add(deliveryTag: number, generation: number): void {
    this.#held.set(deliveryTag, { generation, sinceMs: performance.now(), excluded: false });
  }

  /** Marks a delivery as excluded or not. Returns its generation if that changed anything. */
  excludeFromPrefetch(deliveryTag: number, excluded: boolean): number | undefined {
    const entry = this.#held.get(deliveryTag);
    if (!entry || entry.excluded === excluded) return undefined;
    entry.excluded = excluded;
    return entry.generation;
  }

  /** Stores an outcome, to be sent with the next {@link flush}. */
  settle(deliveryTag: number, settlement: BrokerSettlement): void {
    if (settlement === 'ack') this.#acks.push(deliveryTag);
    else this.#givenBack.push({ deliveryTag, settlement });
  }

  /** How many deliveries of a generation are held and have no outcome yet. */
  countOf(generation: number): number {
    const settled = new Set([...this.#acks, ...this.#givenBack.map(({ deliveryTag }) => deliveryTag)]);
    let count = 0;
    for (const [deliveryTag, entry] of this.#held) {
      if (entry.generation === generation && !settled.has(deliveryTag)) count++;
    }
    return count;
  }

  /** Requeues a message at once. */
  giveBack(deliveryTag: number): void {
    this.#send(deliveryTag, 'requeue');
  }

  /**
   * Sends all outcomes, rejects and requeues first. A cumulative acknowledgement would otherwise include their
   * deliveries.
   */
  flush(): void {
    for (const { deliveryTag, settlement } of this.#givenBack.splice(0)) this.#send(deliveryTag, settlement);
    if (this.#acks.length === 0) return;
    const acks = new Set(this.#acks);
    this.#acks = [];
    let upTo = 0;
    let count = 0;
    for (const deliveryTag of this.#held.keys()) {
      if (!acks.delete(deliveryTag)) break;
      this.#held.delete(deliveryTag);
      upTo = deliveryTag;
      count++;
    }
    if (count > 0) {
      this.#say(() => {
        this.#channel.ack(upTo, count > 1);
      });
    }
    for (const deliveryTag of acks) this.#send(deliveryTag, 'ack');
  }

  #send(deliveryTag: number, settlement: BrokerSettlement): void {
    this.#held.delete(deliveryTag);
    this.#say(() => {
      if (settlement === 'ack') this.#channel.ack(deliveryTag);
      else if (settlement === 'requeue') this.#channel.nack(deliveryTag);
      else this.#channel.reject(deliveryTag, settlement === 'retry');
    });
  }

  #say(what: () => void): void {
    try {
      what();
    } catch {
      // The channel has closed meanwhile. The broker has all deliveries back, and `closed` reports the reason.
    }
  }
}
