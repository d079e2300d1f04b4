import { goDuration } from '../../task-log/lines.ts';
import { formatBytes, usedBytes, type SystemMemory } from './system-memory.ts';

/** When memory counts as short, and for how long it may be. The names are those of the configuration. */
export interface MemoryLimits {
  readonly maxMemoryUsagePercent: number;
  readonly minAvailableMemoryBytes: number;
  readonly allowedHighMemoryDurationSecs: number;
  /** Whether the task continues nevertheless. */
  readonly disableOOMProtection: boolean;
}

/** The consequences of a shortage of memory: lines for the log, and the reason to end the task, if it ends. */
export interface Shortage {
  readonly warnings: readonly string[];
  readonly stop?: string;
}

/**
 * Detects that the machine's memory stays short: more of it is used, and less is available, than a pool allows,
 * for longer than it allows. Both conditions must hold. The wording is generic-worker's.
 */
export class MemoryLimit {
  readonly #limits: MemoryLimits;
  #shortSince: number | undefined;
  #isReported = false;

  constructor(limits: MemoryLimits) {
    this.#limits = limits;
  }

  /**
   * Records the present memory.
   *
   * @param nowMs the time of a monotonic clock
   * @returns the consequences, once for each shortage
   */
  observe(nowMs: number, memory: SystemMemory): Shortage | undefined {
    const { maxMemoryUsagePercent, minAvailableMemoryBytes, allowedHighMemoryDurationSecs } = this.#limits;
    const usedPercent = (100 * usedBytes(memory)) / memory.totalBytes;
    if (usedPercent <= maxMemoryUsagePercent || memory.availableBytes >= minAvailableMemoryBytes) {
      this.#shortSince = undefined;
      this.#isReported = false;
      return undefined;
    }
    this.#shortSince ??= nowMs;
    const allowedMs = allowedHighMemoryDurationSecs * 1_000;
    if (this.#isReported || nowMs - this.#shortSince <= allowedMs) return undefined;
    this.#isReported = true;
    const short = `above ${maxMemoryUsagePercent}% and available memory less than ${formatBytes(minAvailableMemoryBytes)}`;
    const warning = `Memory usage ${short} persisted for over ${goDuration(allowedMs)}!`;
    return this.#limits.disableOOMProtection
      ? { warnings: [warning, 'OOM protections are disabled, continuing task...'] }
      : { warnings: [warning], stop: `task aborted due to sustained memory usage ${short}` };
  }
}
