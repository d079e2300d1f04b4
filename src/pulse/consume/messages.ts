import type { Observable } from 'rxjs';
import { checkOptions, type OptionKinds } from '../options.ts';
import { PulseError } from '../errors.ts';
import { untilAborted } from '../session/abort.ts';
import { checkConsumedQueue, CONSUME_OPTIONS } from './check-options.ts';
import type { ConsumeOptions } from './consume-options.ts';
import { DeliveredMessage, type PulseMessage } from './message.ts';

/** Options of `pulse.messages`: the {@link ConsumeOptions} that do not need an Observable, and the following. */
export interface MessagesOptions extends Omit<
  ConsumeOptions<unknown>,
  'bindings' | 'demand$' | 'paused$' | 'until$'
> {
  /**
   * When messages are acknowledged. With `auto` (the default), each step of the loop acknowledges the previous
   * message unless the loop has settled it. With `manual`, the loop settles each message itself.
   */
  readonly ack?: 'auto' | 'manual' | undefined;
  /** Stops the consumer when aborted. The loop then ends normally after the current message. */
  readonly signal?: AbortSignal | undefined;
}

const { demand$: _demand, paused$: _paused, until$: _until, ...withoutObservables } = CONSUME_OPTIONS;
const MESSAGES_OPTIONS: OptionKinds<MessagesOptions & Pick<ConsumeOptions<unknown>, 'bindings'>> = {
  ...withoutObservables,
  ack: 'text',
  signal: 'signal',
};

/** Consumer options for use without RxJS. */
export const PLAIN_CONSUME_OPTIONS = withoutObservables;

/** An endless iteration over messages. Leaving the loop stops the consumer. */
export type Messages<M> = AsyncIterableIterator<M, undefined, undefined> & AsyncDisposable;

/**
 * Iterates over the messages of a queue. The consumer starts with the first `next()`, and holds at most its prefetch.
 *
 * @throws PulseError `invalid` for bad options
 */
export function messages(
  consume: (options: ConsumeOptions<unknown>) => Observable<PulseMessage>,
  options: MessagesOptions & Pick<ConsumeOptions<unknown>, 'bindings'>,
): Messages<PulseMessage> {
  checkOptions('messages', options, MESSAGES_OPTIONS);
  checkConsumedQueue('messages', options);
  const { ack = 'auto', signal, ...consumeOptions } = options;
  if (ack !== 'auto' && ack !== 'manual') {
    throw new PulseError('invalid', 'messages: the option ack must be auto or manual');
  }
  const until$ = untilAborted(signal);
  return new MessageIterator(consume({ ...consumeOptions, until$ }), ack === 'auto', signal);
}

type Next = IteratorResult<PulseMessage, undefined>;
const DONE: Next = { done: true, value: undefined };

class MessageIterator implements Messages<PulseMessage> {
  readonly #messages$: Observable<PulseMessage>;
  readonly #acks: boolean;
  readonly #signal: AbortSignal | undefined;
  #subscription: { unsubscribe(): void } | undefined;
  #aborting: { unsubscribe(): void } | undefined;
  /** Messages that are delivered but not yet passed to the loop. The prefetch limits their number. */
  #buffer: PulseMessage[] = [];
  /** Messages passed to the loop, to be acknowledged on its next step. */
  #handed: PulseMessage[] = [];
  #waiting: PromiseWithResolvers<Next>[] = [];
  #ended = false;
  #error: unknown;

  constructor(messages$: Observable<PulseMessage>, acks: boolean, signal: AbortSignal | undefined) {
    this.#messages$ = messages$;
    this.#acks = acks;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<Next> {
    if (this.#acks) for (const message of this.#handed.splice(0)) if (!message.settled) message.ack();
    this.#start();
    const next = this.#take();
    if (next) return { done: false, value: next };
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      throw error as PulseError;
    }
    if (this.#ended) return DONE;
    const waiting = Promise.withResolvers<Next>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Called when the loop is left. Stops the consumer, so that its unsettled messages are requeued. */
  async return(): Promise<Next> {
    this.#end();
    this.#subscription?.unsubscribe();
    return DONE;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #start(): void {
    if (this.#subscription || this.#ended) return;
    if (this.#signal?.aborted) {
      this.#end();
      return;
    }
    this.#subscription = this.#messages$.subscribe({
      next: message => {
        this.#arrived(message);
      },
      error: (error: unknown) => {
        this.#buffer = [];
        const [first, ...others] = this.#waiting.splice(0);
        if (first) first.reject(error);
        else this.#error = error;
        this.#ended = true;
        this.#aborting?.unsubscribe();
        for (const waiting of others) waiting.resolve(DONE);
      },
      complete: () => {
        this.#end();
      },
    });
    this.#aborting = untilAborted(this.#signal).subscribe(() => {
      for (const message of this.#buffer.splice(0)) message.requeue();
    });
    if (this.#ended) this.#aborting.unsubscribe();
  }

  #arrived(message: PulseMessage): void {
    if (this.#signal?.aborted) {
      message.requeue();
      return;
    }
    const waiting = this.#waiting.shift();
    if (!waiting) {
      this.#buffer.push(message);
      return;
    }
    this.#handed.push(message);
    waiting.resolve({ done: false, value: message });
  }

  /** Takes the next message whose channel is still open. The broker delivers the others again. */
  #take(): PulseMessage | undefined {
    let message = this.#buffer.shift();
    while (message && DeliveredMessage.sourceOf(message)?.origin.lost) message = this.#buffer.shift();
    if (message) this.#handed.push(message);
    return message;
  }

  #end(): void {
    this.#ended = true;
    this.#aborting?.unsubscribe();
    for (const message of this.#buffer.splice(0)) message.requeue();
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(DONE);
  }
}
