import type { Sandbox, Usage } from '../../engines/engine.ts';
import { readSystemMemory, type SystemMemory } from './system-memory.ts';

/** generic-worker's interval, in ms. The first measurement comes as long after the first command has started. */
const TICK_MS = 500;
/** The worker spends at most this share of its time on measuring a run's processes. */
const LARGEST_SHARE = 0.05;

/** A measurement. */
export interface Seen {
  /** The time (`performance.now()`). */
  readonly nowMs: number;
  readonly memory: SystemMemory;
  /** The usage of the run's processes. Undefined if they were not measured this time. */
  readonly usage: Usage | undefined;
}

/** Measures the machine's memory and the run's processes until it is stopped. */
export class Sampler {
  readonly #sandbox: Sandbox;
  readonly #onSeen: (seen: Seen) => void;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  /** The run's processes are not measured before this time, because measuring them took long. */
  #notBefore = 0;
  #measuring: Promise<Usage | undefined> | undefined;

  constructor(sandbox: Sandbox, onSeen: (seen: Seen) => void) {
    this.#sandbox = sandbox;
    this.#onSeen = onSeen;
  }

  /** Starts, unless it has already started. */
  start(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = setInterval(() => void this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  /**
   * Measures what the run's processes have used. Undefined if that is unknown. Concurrent calls share one
   * measurement.
   */
  measure(): Promise<Usage | undefined> {
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined;
    });
    return this.#measuring;
  }

  async #measure(): Promise<Usage | undefined> {
    const start = performance.now();
    try {
      return await this.#sandbox.usage?.();
    } catch {
      // A root task has replaced /proc.
      return undefined;
    } finally {
      const now = performance.now();
      this.#notBefore = now + (now - start) / LARGEST_SHARE;
    }
  }

  async #tick(): Promise<void> {
    if (this.#measuring) return;
    const isTime = performance.now() >= this.#notBefore;
    const usage = isTime ? await this.measure() : undefined;
    if (this.#stopped) return;
    this.#onSeen({ nowMs: performance.now(), memory: readSystemMemory(), usage });
  }
}
