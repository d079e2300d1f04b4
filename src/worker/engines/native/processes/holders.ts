import { opendirSync, readdirSync, readlinkSync } from 'node:fs';
import { setImmediate as otherThings } from 'node:timers/promises';

/** How many descriptors are inspected before the answer is no. A task can have millions. */
const MAX_DESCRIPTORS = 100_000;
/** How long the main thread is blocked at a time, in ms. */
const BUSY_MS = 5;
/** How many descriptor names are read at a time. */
const NAMES_AT_ONCE = 256;

/** Searches for a process that holds a file open, up to a limit for the whole search. */
export class HolderSearch {
  readonly #link: string;
  #left = MAX_DESCRIPTORS;
  #since = performance.now();

  /** @param link the link in /proc/<pid>/fd, such as `socket:[123]` */
  constructor(link: string) {
    this.#link = link;
  }

  /** Whether the search has reached its limit. */
  get exhausted(): boolean {
    return this.#left <= 0;
  }

  /** Whether a process holds it open. Ended processes and those with unreadable descriptors do not count. */
  async isHeldBy(pid: number): Promise<boolean> {
    await this.pause();
    const found = await this.#isIn(`/proc/${pid}/fd`);
    if (found !== undefined) return found;
    // If a process's first thread has ended, its other threads show the shared descriptors.
    for (const thread of threadsOf(pid)) {
      const inThread = await this.#isIn(`/proc/${pid}/task/${thread}/fd`);
      if (inThread !== undefined) return inThread;
    }
    return false;
  }

  /** Yields to the event loop when it is time. */
  async pause(): Promise<void> {
    if (performance.now() - this.#since < BUSY_MS) return;
    await otherThings();
    this.#since = performance.now();
  }

  /** Undefined where it is unreadable. */
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
      // The descriptor was closed meanwhile.
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
