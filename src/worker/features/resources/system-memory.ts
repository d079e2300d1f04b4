import { freemem, totalmem } from 'node:os';

/** Memory of the whole machine, in bytes. */
export interface SystemMemory {
  readonly totalBytes: number;
  /** What programs could still get without anything being swapped out. */
  readonly availableBytes: number;
}

/** What the system says at this moment. On Linux, memory that only mirrors files counts as available. */
export function readSystemMemory(): SystemMemory {
  return { totalBytes: totalmem(), availableBytes: freemem() };
}

/** In bytes. */
export function usedBytes({ totalBytes, availableBytes }: SystemMemory): number {
  return totalBytes - availableBytes;
}

/** Memory of the machine while one command ran, as generic-worker tells it. */
export class SystemMemoryRecord {
  #count = 0;
  #available = 0;
  #used = 0;
  #peak = 0;
  #total = 0;

  add(memory: SystemMemory): void {
    const used = usedBytes(memory);
    this.#count += 1;
    this.#available += memory.availableBytes;
    this.#used += used;
    this.#peak = Math.max(this.#peak, used);
    this.#total = memory.totalBytes;
  }

  /** Lines of the command's summary; none when nothing was recorded. */
  lines(): (readonly [label: string, value: string])[] {
    if (this.#count === 0) return [];
    return [
      ['Average Available System Memory', byteWords(this.#available / this.#count)],
      ['Average System Memory Used', byteWords(this.#used / this.#count)],
      ['Peak System Memory Used', byteWords(this.#peak)],
      ['Total System Memory', byteWords(this.#total)],
    ];
  }
}

const UNITS = ['KiB', 'MiB', 'GiB'] as const;

/** A number of bytes in generic-worker's spelling: `500.00 MiB`. */
export function byteWords(bytes: number): string {
  if (bytes < 1024) return `${bytes.toFixed(6)} B`;
  let value = bytes / 1024;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${value.toFixed(2)} ${UNITS[unit]}`;
}
