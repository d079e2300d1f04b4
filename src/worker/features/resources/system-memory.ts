import { freemem, totalmem } from 'node:os';

/** Memory of the whole machine, in bytes. */
export interface SystemMemory {
  readonly totalBytes: number;
  /** Memory that programs can still get without swapping. */
  readonly availableBytes: number;
}

/** Reads the present values. On Linux, memory that only caches files counts as available. */
export function readSystemMemory(): SystemMemory {
  return { totalBytes: totalmem(), availableBytes: freemem() };
}

/** In bytes. */
export function usedBytes({ totalBytes, availableBytes }: SystemMemory): number {
  return totalBytes - availableBytes;
}

/** The machine's memory while one command ran, in generic-worker's form. */
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

  /** Returns lines for the command's summary. None without a measurement. */
  lines(): (readonly [label: string, value: string])[] {
    if (this.#count === 0) return [];
    return [
      ['Average Available System Memory', formatBytes(this.#available / this.#count)],
      ['Average System Memory Used', formatBytes(this.#used / this.#count)],
      ['Peak System Memory Used', formatBytes(this.#peak)],
      ['Total System Memory', formatBytes(this.#total)],
    ];
  }
}

const UNITS = ['KiB', 'MiB', 'GiB'] as const;

/** Formats a number of bytes as generic-worker does: `500.00 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes.toFixed(6)} B`;
  let value = bytes / 1024;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${value.toFixed(2)} ${UNITS[unit]}`;
}
