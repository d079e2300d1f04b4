import { opendirSync, readdirSync, readlinkSync } from 'node:fs';
import { setImmediate as otherThings } from 'node:timers/promises';

/** How many descriptors are looked at before the answer is no. A task can have millions. */
const MOST_DESCRIPTORS = 100_000;
/** How long the main thread is kept from other things at a time, in ms. */
const BUSY_MS = 5;
/** How many names of descriptors are read at a time. */
const NAMES_AT_ONCE = 256;

/** Looks for a process that holds something open, with a bound for all that it looks at. */
export class HolderSearch {
  readonly #link: string;
  #left = MOST_DESCRIPTORS;
  #since = performance.now();

  /** @param link what /proc/<pid>/fd shows of it, such as `socket:[123]` */
  constructor(link: string) {
    this.#link = link;
  }

  /** Whether the search has looked at as much as it may. */
  get exhausted(): boolean {
    return this.#left <= 0;
  }

  /** Whether a process holds it. One that has ended, or whose descriptors the worker may not see, does not. */
  async isHeldBy(pid: number): Promise<boolean> {
    await this.pause();
    const found = await this.#isIn(`/proc/${pid}/fd`);
    if (found !== undefined) return found;
    // A process whose first thread has ended shows its descriptors by the others, which share them.
    for (const thread of threadsOf(pid)) {
      const inThread = await this.#isIn(`/proc/${pid}/task/${thread}/fd`);
      if (inThread !== undefined) return inThread;
    }
    return false;
  }

  /** Lets the worker do other things, when it is time for that. */
  async pause(): Promise<void> {
    if (performance.now() - this.#since < BUSY_MS) return;
    await otherThings();
    this.#since = performance.now();
  }

  /** Undefined where nothing can be seen. */
  async #isIn(folder: string): Promise<boolean | undefined> {
    let opened;
    try {
      opened = opendirSync(folder, { bufferSize: NAMES_AT_ONCE });
      let any = false;
      for (let entry = opened.readSync(); entry && this.#left > 0; entry = opened.readSync()) {
        any = true;
        if (this.#isLink(`${folder}/${entry.name}`)) return true;
        await this.pause();
      }
      return any ? false : undefined;
    } catch {
      return undefined;
    } finally {
      opened?.closeSync();
    }
  }

  #isLink(path: string): boolean {
    this.#left -= 1;
    try {
      return readlinkSync(path) === this.#link;
    } catch {
      // It was closed meanwhile.
      return false;
    }
  }
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}
