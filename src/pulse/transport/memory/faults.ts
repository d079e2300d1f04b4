import { BehaviorSubject } from 'rxjs';
import type { PulseError } from '../../errors.ts';

/** What a client does at the broker, and may be refused. */
export type MemoryCall = 'declareQueue' | 'declareExchange' | 'bindQueue' | 'consume' | 'publish';

/** What goes wrong between a broker in memory and its clients, until it is told otherwise. */
export class MemoryFaults {
  /** Why the broker takes no messages now; undefined while it does. */
  readonly blocked$ = new BehaviorSubject<string | undefined>(undefined);
  #frozen = false;
  #delayMs = 0;
  #held: (() => void)[] = [];
  #unpublished: (() => void)[] = [];
  #refusals: { call: MemoryCall; error: PulseError; times: number }[] = [];

  /** Answers and messages arrive so much later, in ms. 0 for the next turn. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Nothing arrives any more, in either direction, and nobody is told. */
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
    // Those who are told publish at once, and after what came before.
    for (const publish of this.#unpublished.splice(0)) this.now(publish);
    this.blocked$.next(undefined);
  }

  /** The next calls of a kind end with this error, and so do their channels. */
  refuse(call: MemoryCall, error: PulseError, times: number): void {
    this.#refusals.push({ call, error, times });
  }

  /** @throws PulseError when the call is to be refused */
  check(call: MemoryCall): void {
    const refusal = this.#refusals.find(one => one.call === call);
    if (!refusal) return;
    if (--refusal.times <= 0) this.#refusals = this.#refusals.filter(one => one !== refusal);
    throw refusal.error;
  }

  /** Lets something happen at the client, when the network has brought it there. */
  later(arrive: () => void): void {
    const pass = () => {
      if (this.#frozen) this.#held.push(arrive);
      else arrive();
    };
    if (this.#delayMs > 0) setTimeout(pass, this.#delayMs);
    else setImmediate(pass);
  }

  /** Lets something happen at the broker, which is now unless the network is silent. */
  now(act: () => void): void {
    if (this.#frozen) this.#held.push(act);
    else act();
  }

  /** As {@link now}, for a message: it waits while the broker takes none. */
  publish(act: () => void): void {
    if (this.blocked$.value === undefined) this.now(act);
    else this.#unpublished.push(act);
  }
}
