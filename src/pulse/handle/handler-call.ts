import { inspect, type InspectOptions } from 'node:util';
import { inTimerRange } from '../../base/index.ts';
import { PulseError } from '../errors.ts';
import type { PulseMessage } from '../consume/message.ts';
import type { HandlerContext } from './handle-options.ts';
import type { HandledItem } from './handled-item.ts';
import { Verdict } from '../verdict.ts';

/** The error that the handler threw for a message, or its verdict. */
export interface Failure {
  readonly error: unknown;
}

/** One handler call, for one message or a batch. The handler receives this object as its context. */
export class HandlerCall<M extends PulseMessage> implements HandlerContext {
  readonly items: readonly HandledItem<M>[];
  readonly attempt: number;
  readonly lastAttempt: boolean;
  readonly #startedMs = performance.now();
  #controller: AbortController | undefined;
  #abortedBy: PulseError | undefined;
  #unsubscribe: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(first: HandledItem<M>, others: readonly HandledItem<M>[] = []) {
    this.items = [first, ...others];
    // Read now, because a failure may already be counted when the result is reported.
    this.attempt = first.attempt;
    this.lastAttempt = first.lastAttempt;
  }

  /** Created on demand, since most handlers do not use it. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = (this.#controller = new AbortController());
      if (this.#abortedBy) controller.abort(this.#abortedBy);
      if (this.#ended) return controller.signal;
      const lost = () => {
        controller.abort(new PulseError('connection', 'the message is lost: its channel is gone'));
      };
      // All messages of a channel share an origin.
      for (const origin of new Set(this.items.map(item => item.origin))) {
        const unsubscribe = origin?.onLost(lost);
        if (unsubscribe) this.#unsubscribe.push(unsubscribe);
      }
    }
    return this.#controller.signal;
  }

  get durationMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** Whether the call has ended: returned, thrown or timed out. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether all of its messages are lost, so that the result makes no difference. */
  get lost(): boolean {
    return this.items.every(item => item.lost);
  }

  /** Formats the handler's context for `console.log`, without internal fields. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    const { attempt, lastAttempt, signal } = this;
    return `HandlerContext ${inspect({ attempt, lastAttempt, signal }, options)}`;
  }

  /** Runs the handler inside a span for each message. Returns its result and throws its error. */
  run(handler: () => unknown): unknown {
    const [first, ...others] = this.items;
    let result: unknown;
    try {
      result = first?.traced(handler);
    } catch (error) {
      for (const item of others) quietly(() => item.traced(() => rethrow(error)));
      throw error;
    }
    for (const item of others) quietly(() => item.traced(() => result));
    return result;
  }

  /** Aborts the handler's signal and calls `onTimeout` if the call has not ended in time. */
  limit(timeoutMs: number, onTimeout: (error: PulseError) => void): void {
    if (this.#ended) return;
    this.#timer = setTimeout(() => {
      const error = new PulseError('timeout', `the handler took longer than ${timeoutMs} ms`);
      this.abort(error);
      onTimeout(error);
    }, inTimerRange(timeoutMs));
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }

  abort(reason: PulseError): void {
    clearTimeout(this.#timer);
    this.#abortedBy ??= reason;
    this.#controller?.abort(reason);
  }

  /**
   * What the results show about the handler's dependencies. Verdicts, and messages already settled or lost, show
   * nothing.
   */
  evidenceOf(failures: readonly (Failure | undefined)[]): 'works' | 'fails' | 'nothing' {
    if (failures.some(failure => !failure)) return 'works';
    const fails = this.items.some(
      ({ message, lost }, i) => !message.settled && !lost && !(failures[i]?.error instanceof Verdict),
    );
    return fails ? 'fails' : 'nothing';
  }

  /** Finds the failure of each message in the handler's return value. Undefined means success. */
  failuresIn(returned: unknown, isBatch: boolean): readonly (Failure | undefined)[] {
    if (returned instanceof Verdict) return this.items.map(() => ({ error: returned }));
    if (!isBatch || !Array.isArray(returned)) return this.items.map(() => undefined);
    const failures = returned.map(failureIn);
    if (failures.length === this.items.length) return failures;
    if (failures.every(failure => failure === undefined)) return this.items.map(() => undefined);
    const error = new PulseError(
      'invalid',
      `the batch handler returned ${failures.length} results for ${this.items.length} messages, and some of them are ` +
        'failures; return one result for each message, in order',
    );
    return this.items.map(() => ({ error }));
  }
}

/** Finds the failure in one entry of the array that a batch handler returned. */
function failureIn(entry: unknown): Failure | undefined {
  if (entry instanceof Verdict) return { error: entry };
  const { status, reason, value } = (entry ?? {}) as Partial<Record<'status' | 'reason' | 'value', unknown>>;
  if (status === 'rejected') return { error: reason };
  if (status === 'fulfilled' && value instanceof Verdict) return { error: value };
  return undefined;
}

/** Ignores the outcome, so that the span of another message does not change the result. */
function quietly(run: () => unknown): void {
  Promise.resolve(run()).catch(() => undefined);
}

async function rethrow(error: unknown): Promise<never> {
  throw error;
}
