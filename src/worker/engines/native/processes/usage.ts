import { readProcFile } from '../../processes/index.ts';
import type { Usage } from '../../engine.ts';
import type { Census, Counted } from './census.ts';
import { forEachYielding } from './process-table.ts';

/** The unit of CPU times in proc(5), in ms, regardless of the kernel's own. */
const TICK_MS = 10;
const KIB = 1024;

/**
 * Adds up what the processes of one run use.
 *
 * The system adds the usage of an ended process to that of the process that waited for it. On Linux that is another
 * process of the run, the shell that starts commands, or the first process of the namespace. Usage is lost when no
 * process waited (SIGCHLD ignored), or when the machine's first process did, as without a namespace. Usage that was
 * read earlier is kept.
 */
export class UsageMeter {
  readonly #census: Census;
  #last: Usage = { userMs: 0, kernelMs: 0, memoryBytes: 0, peakMemoryBytes: 0, processes: 0 };

  constructor(census: Census) {
    this.#census = census;
  }

  /** The last reading, for a run that is over. */
  final(): Usage {
    return { ...this.#last, memoryBytes: 0, processes: 0 };
  }

  /** @throws Error when the system does not list processes */
  async read(): Promise<Usage> {
    const counted = await this.#census.count();
    const cpu = cpuOf(counted);
    let memoryBytes = 0;
    let largest = { bytes: -1, pid: 0 };
    let io: Io | undefined;
    await forEachYielding(counted.members, ({ pid }) => {
      const bytes = ownBytes(pid);
      memoryBytes += bytes;
      if (bytes > largest.bytes) largest = { bytes, pid };
      io = plus(io, ioOf(pid));
    });
    for (const { pid } of counted.reapers) io = plus(io, ioOf(pid));
    const before = this.#last;
    const stored = atLeast(io, before);
    return (this.#last = {
      userMs: Math.max(before.userMs, cpu.user * TICK_MS),
      kernelMs: Math.max(before.kernelMs, cpu.kernel * TICK_MS),
      memoryBytes,
      peakMemoryBytes: Math.max(before.peakMemoryBytes, memoryBytes, peakOf(largest.pid)),
      ...stored,
      processes: counted.members.length,
    });
  }
}

/** Whether the system measures a process's usage. */
export function canMeasureUsage(pid: number): boolean {
  return process.platform === 'linux' && readIfThere(`/proc/${pid}/statm`) !== undefined;
}

function cpuOf({ members, reapers }: Counted): { user: number; kernel: number } {
  const sum = { user: 0, kernel: 0 };
  for (const { ticks } of [...members, ...reapers]) {
    sum.user += ticks?.reapedUser ?? 0;
    sum.kernel += ticks?.reapedKernel ?? 0;
  }
  // The engine's own shells do not count as the task's.
  for (const { ticks } of members) {
    sum.user += ticks?.user ?? 0;
    sum.kernel += ticks?.kernel ?? 0;
  }
  return sum;
}

/**
 * Memory of a process without file pages, in bytes. The second number in the file is the resident size, the third is
 * the part that mirrors files.
 */
function ownBytes(pid: number): number {
  const [, resident, shared] = pagesOf(pid);
  return resident === undefined || shared === undefined ? 0 : (resident - shared) * pageBytes();
}

function pagesOf(pid: number | 'self'): number[] {
  return (readIfThere(`/proc/${pid}/statm`) ?? '').split(' ').map(Number);
}

let page: number | undefined;

/** Size of a memory page in bytes: the system reports this process's size in pages and in KiB. */
function pageBytes(): number {
  if (page === undefined) {
    const kib = Number(/^VmSize:\s+(\d+) kB$/m.exec(readIfThere('/proc/self/status') ?? '')?.[1]);
    const [pages = Number.NaN] = pagesOf('self');
    // This process may grow between the two reads, so the quotient is rounded to a power of two.
    page = 2 ** Math.round(Math.log2((kib * KIB) / pages));
  }
  return page;
}

interface Io {
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** Bytes that a process and the children that it waited for have read from storage and written to it. */
function ioOf(pid: number): Io | undefined {
  const text = readIfThere(`/proc/${pid}/io`);
  const [, read] = /^read_bytes: (\d+)$/m.exec(text ?? '') ?? [];
  const [, written] = /^write_bytes: (\d+)$/m.exec(text ?? '') ?? [];
  return read === undefined || written === undefined
    ? undefined
    : { readBytes: Number(read), writtenBytes: Number(written) };
}

function plus(one: Io | undefined, other: Io | undefined): Io | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return {
    readBytes: one.readBytes + other.readBytes,
    writtenBytes: one.writtenBytes + other.writtenBytes,
  };
}

/** Never decreases: the usage of an ended process may be accounted to nobody. */
function atLeast(io: Io | undefined, { readBytes, writtenBytes }: Usage): Partial<Io> {
  if (io === undefined) {
    return readBytes === undefined || writtenBytes === undefined ? {} : { readBytes, writtenBytes };
  }
  return {
    readBytes: Math.max(io.readBytes, readBytes ?? 0),
    writtenBytes: Math.max(io.writtenBytes, writtenBytes ?? 0),
  };
}

/** The peak memory of a single process, less its present file pages, in bytes. */
function peakOf(pid: number): number {
  const status = readIfThere(`/proc/${pid}/status`) ?? '';
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
  return Math.max(0, kib('VmHWM') - kib('RssFile') - kib('RssShmem')) * KIB;
}

/** A file of a process; undefined when the process has ended, or the file is not readable. */
function readIfThere(file: string): string | undefined {
  try {
    return readProcFile(file);
  } catch {
    return undefined;
  }
}
