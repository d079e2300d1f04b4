import type { Sandbox, Usage } from '../../engines/engine.ts';
import { readSystemMemory, type SystemMemory } from './system-memory.ts';

/** generic-worker's, in ms. The first look comes as long after the first command has begun. */
const TICK_MS = 500;
/** The worker spends at most this share of its time on looking what a run uses. */
const LARGEST_SHARE = 0.05;

/** What was seen at one moment. */
export interface Seen {
  /** `performance.now()`. */
  readonly nowMs: number;
  readonly memory: SystemMemory;
  /** Of the run's processes; undefined when they were not looked at this time. */
  readonly usage: Usage | undefined;
}

/** Looks at the machine's memory, and at what the processes of a run use, until it is stopped. */
export class Sampler {
  readonly #sandbox: Sandbox;
  readonly #onSeen: (seen: Seen) => void;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  /** Looking at the run's processes has to wait until then, for it took long. */
  #notBefore = 0;
  #looking: Promise<Usage | undefined> | undefined;

  constructor(sandbox: Sandbox, onSeen: (seen: Seen) => void) {
    this.#sandbox = sandbox;
    this.#onSeen = onSeen;
  }

  /** Begins, if it has not begun. */
  start(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = setInterval(() => void this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  /** What the run's processes have used; undefined where nobody can tell. Looks at most once at a time. */
  look(): Promise<Usage | undefined> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<Usage | undefined> {
    const start = performance.now();
    try {
      return await this.#sandbox.usage?.();
    } catch {
      // A task that is root has replaced /proc.
      return undefined;
    } finally {
      const now = performance.now();
      this.#notBefore = now + (now - start) / LARGEST_SHARE;
    }
  }

  async #tick(): Promise<void> {
    if (this.#looking) return;
    const isTime = performance.now() >= this.#notBefore;
    const usage = isTime ? await this.look() : undefined;
    if (this.#stopped) return;
    this.#onSeen({ nowMs: performance.now(), memory: readSystemMemory(), usage });
  }
}
