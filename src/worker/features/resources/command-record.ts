import type { CommandResult, Usage } from '../../engines/engine.ts';
import { goDuration } from '../../task-log/lines.ts';
import { formatBytes, SystemMemoryRecord, type SystemMemory } from './system-memory.ts';

/** What the processes of a run used while one of its commands ran, in ms and bytes. */
export interface CommandUsage {
  readonly userMs: number;
  readonly kernelMs: number;
  /** Undefined for a command that ended before its memory was measured. */
  readonly peakMemoryBytes?: number;
  readonly readBytes?: number;
  readonly writtenBytes?: number;
}

/** The measurements during one command. */
export class CommandRecord {
  readonly #memory = new SystemMemoryRecord();
  /** What the run had used before. */
  readonly #before: Usage;
  #last: Usage | undefined;
  #peak = 0;

  constructor(before: Usage) {
    this.#before = before;
  }

  /** Whether the processes were measured while the command ran. */
  get hasUsage(): boolean {
    return this.#last !== undefined;
  }

  add(memory: SystemMemory, usage: Usage | undefined): void {
    this.#memory.add(memory);
    if (usage) this.addUsage(usage);
  }

  addUsage(usage: Usage): void {
    this.#last = usage;
    this.#peak = Math.max(this.#peak, usage.memoryBytes);
    // The value is the peak of the whole run. It belongs to this command if it grew during the command.
    if (usage.peakMemoryBytes > this.#before.peakMemoryBytes)
      this.#peak = Math.max(this.#peak, usage.peakMemoryBytes);
  }

  /** Returns what was used during the command, or undefined without a measurement. */
  usage(): CommandUsage | undefined {
    const [before, last] = [this.#before, this.#last];
    if (!last) return undefined;
    const since = (name: 'userMs' | 'kernelMs' | 'readBytes' | 'writtenBytes') =>
      Math.max(0, (last[name] ?? 0) - (before[name] ?? 0));
    return {
      userMs: since('userMs'),
      kernelMs: since('kernelMs'),
      ...(this.#peak > 0 && { peakMemoryBytes: this.#peak }),
      ...(last.readBytes !== undefined && { readBytes: since('readBytes') }),
      ...(last.writtenBytes !== undefined && { writtenBytes: since('writtenBytes') }),
    };
  }

  /** Returns lines for the command's summary. */
  lines(): (readonly [label: string, value: string])[] {
    const used = this.usage();
    const own: (readonly [string, string])[] = [];
    if (used) {
      own.push(['CPU Time of All Processes', goDuration(used.userMs + used.kernelMs)]);
      if (used.peakMemoryBytes !== undefined)
        own.push(['Peak Memory of All Processes', formatBytes(used.peakMemoryBytes)]);
      if (used.readBytes !== undefined) own.push(['Read from Storage', formatBytes(used.readBytes)]);
      if (used.writtenBytes !== undefined) own.push(['Written to Storage', formatBytes(used.writtenBytes)]);
    }
    return [...own, ...this.#memory.lines()];
  }
}

/** The usage of a run before its first command. */
export const NO_USAGE: Usage = { userMs: 0, kernelMs: 0, memoryBytes: 0, peakMemoryBytes: 0, processes: 0 };

/** Returns a run's usage after a command that was too quick to be measured. */
export function addUnmeasured(before: Usage, { userMs = 0, kernelMs = 0 }: CommandResult): Usage {
  return { ...before, userMs: before.userMs + userMs, kernelMs: before.kernelMs + kernelMs };
}
