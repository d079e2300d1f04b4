import { BehaviorSubject } from 'rxjs';
import type { PulseError } from '../../errors.ts';

/** A client's call that the in-memory broker can be made to refuse. */
export type MemoryCall = 'declareQueue' | 'declareExchange' | 'bindQueue' | 'consume' | 'publish';

/** The injected faults between an in-memory broker and its clients. */
export class MemoryFaults {
  /** Why the broker accepts no messages at the moment. Undefined while it accepts them. */
  readonly blocked$ = new BehaviorSubject<string | undefined>(undefined);
  #frozen = false;
  #delayMs = 0;
  #held: (() => void)[] = [];
  #unpublished: (() => void)[] = [];
  #refusals: { call: MemoryCall; error: PulseError; times: number }[] = [];

  /** Delays answers and messages by this time, in ms. With 0, they arrive in the next turn. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Holds everything in both directions without any error. */
  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    for (const pass of this.#held.splice(0)) pass();
  }

  block(reason: string): void {
    this.blocked$.next(reason);
  }

  unblock(): void {
    // First, because subscribers of `blocked$` publish at once, and their messages must come after the earlier ones.
    for (const publish of this.#unpublished.splice(0)) this.now(publish);
    this.blocked$.next(undefined);
  }

  /** Makes the next calls of a kind fail with this error. Their channels end with it too. */
  refuse(call: MemoryCall, error: PulseError, times: number): void {
    this.#refusals.push({ call, error, times });
  }

  /** @throws PulseError if the call is to be refused */
  check(call: MemoryCall): void {
    const refusal = this.#refusals.find(one => one.call === call);
    if (!refusal) return;
    if (--refusal.times <= 0) this.#refusals = this.#refusals.filter(one => one !== refusal);
    throw refusal.error;
  }

  /** Runs a function at the client, after the delay of the network. */
  later(arrive: () => void): void {
    const pass = () => {
      if (this.#frozen) this.#held.push(arrive);
      else arrive();
    };
    if (this.#delayMs > 0) setTimeout(pass, this.#delayMs);
    else setImmediate(pass);
  }

  /** Runs a function at the broker: at once, unless the network is frozen. */
  now(act: () => void): void {
    if (this.#frozen) this.#held.push(act);
    else act();
  }

  /** Like {@link now}, for a published message. It waits while the broker accepts no messages. */
  publish(act: () => void): void {
    if (this.blocked$.value === undefined) this.now(act);
    else this.#unpublished.push(act);
  }
}
