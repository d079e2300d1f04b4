import { endsConnections, refusedAmong, isRefusal } from './refused-messages.ts';
import { PulseError } from '../errors.ts';
import { publishBounds, tooMuch } from './publish-limits.ts';
import type { PublishBounds } from './publish-options.ts';
import type { PublishGauge, PublishResult } from '../publish-result.ts';
import { resultOf } from './result-of.ts';
import { abortedError } from '../session/abort.ts';
import { Recognised } from '../transport/recognised.ts';
import { SentWindow, type Sent } from './sent-window.ts';
import { PoisonDetector, type Suspect } from './poison-detector.ts';
import { inTimerRange } from '../../base/index.ts';
import type { Properties, TransportChannel } from '../transport/transport.ts';

/** A message on its way to the broker. */
export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly properties: Properties;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly settle: (result: PublishResult) => void;
}

interface Posted extends OutgoingMessage, Sent, Suspect {
  /** The deadline, in terms of `performance.now()`. */
  readonly expiresAt: number;
  /** Whether it was sent at least once, so that it may have arrived. */
  written: boolean;
  settled: boolean;
  /** Stops watching its signal. */
  unwatch?: () => void;
}

/** Maximum number of sent but unconfirmed messages. Further messages wait here, where they are counted. */
const WINDOW = 2_048;
/**
 * The same limit in bytes. If the broker stops reading, that much stays in this process. Room for 2,048 bodies of 8
 * KiB.
 */
const WINDOW_BYTES = 16 * 1024 * 1024;

/**
 * Keeps messages in order until each is settled. Messages wait while there is no channel. If their channel is lost
 * before the confirmation, they are sent again on the next one. So a message may arrive twice, but none overtakes
 * another.
 *
 * A sent message counts towards the window until the broker answers or the channel is lost, even after its deadline.
 * Until then, it may still be in the socket's buffer, and further messages would only pile up behind it.
 *
 * A mandatory message waits while an identical one is on its way, because a returned message could be either of them.
 *
 * One timer handles all deadlines.
 */
export class Outbox {
  readonly #bounds: PublishBounds;
  /** Why nothing is confirmed at the moment, as far as it is known. */
  readonly #problem: () => string | undefined;
  #channel: TransportChannel | undefined;
  #waiting = new Set<Posted>();
  #waitingBytes = 0;
  readonly #sent: SentWindow<Posted>;
  readonly #poisonDetector = new PoisonDetector<Posted>(() => {
    this.#pump();
  });
  readonly #mandatory = new Recognised<Posted>();
  /** Number of posted messages without a result. */
  #unsettled = 0;
  /** Whether the broker accepts nothing at the moment. */
  #held = false;
  #ended: PulseError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #idle: (() => void)[] = [];

  /** @throws PulseError `invalid` for invalid bounds */
  constructor(bounds: Partial<PublishBounds> = {}, problem: () => string | undefined = () => undefined) {
    this.#bounds = publishBounds(bounds);
    this.#problem = problem;
    this.#sent = new SentWindow(WINDOW, Math.min(this.#bounds.bytes, WINDOW_BYTES));
  }

  get gauge(): PublishGauge {
    return { waiting: this.#waiting.size, waitingBytes: this.#waitingBytes, unconfirmed: this.#sent.size };
  }

  post(message: OutgoingMessage): void {
    const bytes = message.content.byteLength;
    const { signal } = message;
    const aborted = signal?.aborted ? abortedError('publishing', signal) : undefined;
    const refusal = this.#ended ?? aborted ?? this.#refusal(bytes);
    if (refusal) {
      message.settle({ status: 'refused', error: refusal });
      return;
    }
    const posted: Posted = {
      ...message,
      bytes,
      expiresAt: performance.now() + message.deadlineMs,
      losses: 0,
      lostAlone: 0,
      written: false,
      settled: false,
      slot: -1,
    };
    this.#watch(posted.expiresAt);
    this.#unsettled++;
    if (signal) this.#abortWith(signal, posted);
    if (this.#channel && this.#waiting.size === 0 && this.#maySend(posted)) {
      this.#send(posted, this.#channel);
      return;
    }
    this.#waiting.add(posted);
    this.#waitingBytes += bytes;
    this.#pump();
  }

  /** Stops or resumes sending. While the broker accepts nothing, it would leave sent messages in the socket. */
  hold(held: boolean): void {
    this.#held = held;
    this.#pump();
  }

  /** Sends messages over this channel from now on. */
  open(channel: TransportChannel): void {
    this.#channel = channel;
    this.#pump();
  }

  /**
   * Call this when the channel is lost. Its unconfirmed messages are sent again.
   *
   * @param error the reason. A refusal closes the channel of all messages, but is due to one message or its exchange.
   */
  lost(error?: PulseError): void {
    this.#channel = undefined;
    const lost = this.#sent.takeAll();
    this.#mandatory.clear();
    const again = lost.filter(({ settled }) => !settled);
    for (const { bytes } of again) this.#waitingBytes += bytes;
    this.#waiting = new Set([...again, ...this.#waiting]);
    if (!error || !isRefusal(error)) {
      const poisonous = this.#poisonDetector.lost(again);
      if (poisonous) this.#refuse(poisonous, endsConnections(poisonous, error?.message ?? this.#problem()));
      return;
    }
    this.#poisonDetector.reset();
    const refused = refusedAmong(lost, error);
    for (const posted of refused) this.#refuse(posted, error);
    if (refused.length === 0) this.#poisonDetector.suspect(again);
  }

  /** Ends publishing and settles all remaining messages. */
  end(error: PulseError): void {
    this.#ended = error;
    this.#channel = undefined;
    this.#poisonDetector.reset();
    const refused: PublishResult = { status: 'refused', error };
    const message = `${error.message} before the broker had confirmed the message: it may have arrived`;
    const unknown: PublishResult = { status: 'expired', error: new PulseError(error.kind, message) };
    for (const posted of [...this.#sent.takeAll(), ...this.#waiting]) {
      this.#remove(posted);
      if (!posted.settled) this.#settle(posted, posted.written ? unknown : refused);
    }
  }

  /** Resolves when all messages have results. */
  idle(): Promise<void> {
    if (this.#unsettled === 0) return Promise.resolve();
    return new Promise(resolve => {
      this.#idle.push(resolve);
    });
  }

  #refusal(bytes: number): PulseError | undefined {
    const bounds = this.#bounds;
    if (this.#waiting.size < bounds.messages && this.#waitingBytes + bytes <= bounds.bytes) return undefined;
    return tooMuch(bytes, bounds, this.gauge, this.#problem());
  }

  #maySend(posted: Posted): boolean {
    if (posted.properties.mandatory && this.#mandatory.find(posted)) return false;
    if (this.#held || !this.#poisonDetector.allows(posted, this.#sent.size)) return false;
    return this.#sent.fits(posted.bytes);
  }

  #pump(): void {
    for (const posted of this.#waiting) {
      const channel = this.#channel;
      if (!channel || !this.#maySend(posted)) return;
      this.#remove(posted);
      this.#send(posted, channel);
    }
  }

  #send(posted: Posted, channel: TransportChannel): void {
    const { exchange, routingKey, content, properties } = posted;
    this.#sent.add(posted);
    if (properties.mandatory) this.#mandatory.add(posted, posted);
    this.#poisonDetector.sent(posted);
    try {
      channel.publish(exchange, routingKey, content, properties, answer => {
        // `lost` handles an error that ends the channel, for all messages at once.
        if (answer instanceof PulseError || channel !== this.#channel) return;
        this.#poisonDetector.done(posted);
        if (properties.mandatory) this.#mandatory.delete(posted);
        if (this.#sent.delete(posted) && !posted.settled) this.#settle(posted, resultOf(answer, posted));
        if (this.#waiting.size > 0) this.#pump();
      });
      posted.written = true;
    } catch (error) {
      this.#poisonDetector.done(posted);
      if ((error as PulseError).kind === 'invalid') {
        this.#sent.delete(posted);
        if (properties.mandatory) this.#mandatory.delete(posted);
        this.#settle(posted, { status: 'refused', error: error as PulseError });
      }
      // Otherwise the channel is already closed, and `lost` will be called soon.
      else this.#channel = undefined;
    }
  }

  #abortWith(signal: AbortSignal, posted: Posted): void {
    const abort = () => {
      this.#remove(posted);
      this.#settle(posted, {
        status: posted.written ? 'expired' : 'refused',
        error: abortedError('publishing', signal),
      });
      this.#pump();
    };
    signal.addEventListener('abort', abort, { once: true });
    posted.unwatch = () => {
      signal.removeEventListener('abort', abort);
    };
  }

  #refuse(posted: Posted, error: PulseError): void {
    if (this.#remove(posted)) this.#settle(posted, { status: 'refused', error });
  }

  /** Removes a message from the waiting ones. Returns whether it was waiting. */
  #remove(posted: Posted): boolean {
    if (!this.#waiting.delete(posted)) return false;
    this.#waitingBytes -= posted.bytes;
    return true;
  }

  #settle(posted: Posted, result: PublishResult): void {
    posted.settled = true;
    posted.unwatch?.();
    this.#unsettled--;
    posted.settle(result);
    if (this.#unsettled > 0) return;
    this.#timer?.unref();
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Sets the timer earlier if necessary. The timer keeps running when everything has been confirmed meanwhile. */
  #watch(expiresAt: number): void {
    if (this.#unsettled === 0) this.#timer?.ref();
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
    const problem = this.#problem();
    const why = problem === undefined ? '' : `: ${problem}`;
    const error = new PulseError('connection', `no confirmation from the broker before the deadline${why}`);
    const expired: PublishResult = { status: 'expired', error };
    let next = Infinity;
    for (const posted of [...this.#sent.inOrder(), ...this.#waiting]) {
      if (posted.settled) continue;
      if (posted.expiresAt > now) {
        next = Math.min(next, posted.expiresAt);
        continue;
      }
      this.#remove(posted);
      this.#settle(posted, expired);
    }
    if (next < Infinity) this.#watch(next);
    this.#pump();
  }
}
