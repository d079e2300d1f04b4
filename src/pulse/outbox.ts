import { PulseError } from './errors.ts';
import type { PublishBounds, PublisherGauge, PublishResult } from './publish-options.ts';
import { SentWindow, type Sent } from './sent-window.ts';
import { inTimerRange } from './timer-range.ts';
import type { Confirmation, Properties, TransportChannel } from './transport.ts';

/** A message on its way to the broker. */
export interface Parcel {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly properties: Properties;
  readonly deadlineMs: number;
  readonly settle: (result: PublishResult) => void;
}

interface Posted extends Parcel, Sent {
  /** By `performance.now()`. */
  readonly expiresAt: number;
  /** It was under way when the broker refused something without saying what: it goes alone now. */
  suspected: boolean;
}

/** Sent and not confirmed at a time, at most: what more there is waits here, where it is counted. */
const WINDOW = 2_048;
const CONFIRMED: PublishResult = { status: 'confirmed' };
const BOUNDS: PublishBounds = { messages: 20_000, bytes: 64 * 1024 * 1024 };

/**
 * Messages in their order, until each is settled: they wait while there is no channel, and go again on the next one when
 * theirs was lost before the confirmation. So a message may arrive twice, and none overtakes another.
 *
 * One timer looks after all deadlines.
 */
export class Outbox {
  readonly #bounds: PublishBounds;
  /** Why nothing is confirmed now, as far as is known. */
  readonly #trouble: () => string | undefined;
  #channel: TransportChannel | undefined;
  #waiting = new Set<Posted>();
  #waitingBytes = 0;
  readonly #sent = new SentWindow<Posted>(WINDOW);
  #suspects = 0;
  #ended: PulseError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #idle: (() => void)[] = [];

  constructor(bounds: Partial<PublishBounds> = {}, trouble: () => string | undefined = () => undefined) {
    this.#bounds = { ...BOUNDS, ...bounds };
    this.#trouble = trouble;
  }

  get gauge(): PublisherGauge {
    return {
      waiting: this.#waiting.size,
      waitingBytes: this.#waitingBytes,
      unconfirmed: this.#sent.size,
    };
  }

  post(parcel: Parcel): void {
    const refusal = this.#ended ?? this.#full(parcel);
    if (refusal) {
      parcel.settle({ status: 'refused', error: refusal });
      return;
    }
    const posted = {
      ...parcel,
      expiresAt: performance.now() + parcel.deadlineMs,
      suspected: false,
      slot: -1,
    };
    this.#watch(posted.expiresAt);
    if (this.#channel && this.#waiting.size === 0 && !this.#windowFull) {
      this.#send(posted, this.#channel);
      return;
    }
    this.#waiting.add(posted);
    this.#waitingBytes += posted.content.byteLength;
    this.#pump();
  }

  /** Sends over this channel from now on. */
  open(channel: TransportChannel): void {
    this.#channel = channel;
    this.#pump();
  }

  /**
   * The channel has gone, and what was not confirmed on it is sent again.
   *
   * @param error what it went of: a refusal costs the channel of all, and one message (or its exchange) was guilty
   */
  lost(error?: PulseError): void {
    this.#channel = undefined;
    let again = this.#sent.inOrder();
    for (const posted of again) this.#sent.delete(posted);
    if (error && isRefusal(error)) {
      const blamed = /exchange '([^']+)'/.exec(error.message)?.[1];
      const isGuilty = ({ exchange, suspected }: Posted) =>
        blamed === undefined ? suspected && again.length === 1 : exchange === blamed;
      const [guilty, innocent] = [again.filter(isGuilty), again.filter(posted => !isGuilty(posted))];
      for (const posted of guilty) this.#settle(posted, { status: 'refused', error });
      if (blamed === undefined) for (const posted of innocent) this.#suspect(posted);
      again = innocent;
    }
    for (const { content } of again) this.#waitingBytes += content.byteLength;
    this.#waiting = new Set([...again, ...this.#waiting]);
  }

  /** Nothing can be published any more. */
  end(error: PulseError): void {
    this.#ended = error;
    this.#channel = undefined;
    this.#settleAll(() => true, { status: 'refused', error });
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.#size === 0) return Promise.resolve();
    return new Promise(resolve => {
      this.#idle.push(resolve);
    });
  }

  #suspect(posted: Posted): void {
    if (!posted.suspected) this.#suspects++;
    posted.suspected = true;
  }

  get #size(): number {
    return this.#waiting.size + this.#sent.size;
  }

  #full({ content }: Parcel): PulseError | undefined {
    const { messages, bytes } = this.#bounds;
    if (this.#waiting.size < messages && this.#waitingBytes + content.byteLength <= bytes) return undefined;
    const trouble = this.#trouble();
    return new PulseError(
      'full',
      `${this.#waiting.size} messages of ${this.#waitingBytes} bytes wait to be published; more are refused` +
        (trouble === undefined ? ': wait for confirmations before publishing more' : `: ${trouble}`),
    );
  }

  get #windowFull(): boolean {
    return this.#suspects > 0 ? this.#sent.size > 0 : this.#sent.full;
  }

  #pump(): void {
    for (const posted of this.#waiting) {
      const channel = this.#channel;
      if (!channel || this.#windowFull) return;
      this.#waiting.delete(posted);
      this.#waitingBytes -= posted.content.byteLength;
      this.#send(posted, channel);
    }
  }

  #send(posted: Posted, channel: TransportChannel): void {
    const { exchange, routingKey, content, properties } = posted;
    this.#sent.add(posted);
    try {
      channel.publish(exchange, routingKey, content, properties, answer => {
        // What ends a channel is told to `lost`, for all at once.
        if (answer instanceof PulseError || channel !== this.#channel) return;
        if (this.#sent.delete(posted)) this.#settle(posted, resultOf(answer, posted));
        if (this.#waiting.size > 0) this.#pump();
      });
    } catch (error) {
      if ((error as PulseError).kind === 'invalid') {
        this.#sent.delete(posted);
        this.#settle(posted, { status: 'refused', error: error as PulseError });
      }
      // Else the channel has gone already, and `lost` is about to be told.
      else this.#channel = undefined;
    }
  }

  #settle(posted: Posted, result: PublishResult): void {
    if (posted.suspected) this.#suspects--;
    posted.settle(result);
    if (this.#size > 0) return;
    this.#timer?.unref();
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #settleAll(which: (posted: Posted) => boolean, result: PublishResult): void {
    for (const posted of [...this.#sent.inOrder(), ...this.#waiting]) {
      if (!which(posted)) continue;
      this.#sent.delete(posted);
      if (this.#waiting.delete(posted)) this.#waitingBytes -= posted.content.byteLength;
      this.#settle(posted, result);
    }
  }

  /** Sets the timer when it would ring too late. It is left to ring when everything was confirmed meanwhile. */
  #watch(expiresAt: number): void {
    if (this.#size === 0) this.#timer?.ref();
    if (expiresAt >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = expiresAt;
    this.#timer = setTimeout(
      () => {
        this.#expire();
      },
      Math.max(1, Math.ceil(inTimerRange(expiresAt - performance.now()))),
    );
  }

  #expire(): void {
    const now = performance.now();
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const trouble = this.#trouble();
    const why = trouble === undefined ? '' : `: ${trouble}`;
    const error = new PulseError('connection', `no confirmation from the broker before the deadline${why}`);
    this.#settleAll(({ expiresAt }) => expiresAt <= now, { status: 'expired', error });
    let next = Infinity;
    for (const { expiresAt } of this.#sent.inOrder()) next = Math.min(next, expiresAt);
    for (const { expiresAt } of this.#waiting) next = Math.min(next, expiresAt);
    if (next < Infinity) this.#watch(next);
  }
}

function resultOf(answer: Confirmation, { exchange, routingKey }: Parcel): PublishResult {
  switch (answer.type) {
    case 'confirmed':
      return CONFIRMED;
    case 'returned': {
      const message = `no queue wants ${routingKey} of ${exchange} (${answer.reason})`;
      return { status: 'returned', error: new PulseError('returned', message) };
    }
    case 'nacked': {
      const message = `the broker could not take ${routingKey} of ${exchange}: a queue is full and refuses, or it failed`;
      return { status: 'nacked', error: new PulseError('nacked', message) };
    }
  }
}

/** Whether the broker said no, to one message of its channel. */
function isRefusal({ kind }: PulseError): boolean {
  return kind === 'forbidden' || kind === 'not-found' || kind === 'mismatch';
}
