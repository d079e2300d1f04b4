import { availableParallelism } from 'node:os';
import type { CommandResult, Sandbox, Usage } from '../../engines/engine.ts';
import { addUnmeasured, CommandRecord, NO_USAGE } from './command-record.ts';
import { Sampler, type Seen } from './sampler.ts';
import { readSystemMemory, usedBytes } from './system-memory.ts';
import { UsageSeries } from './usage-series.ts';

export interface MonitorOptions {
  /** Whether measurements are kept over time. */
  readonly series: boolean;
  /** Receives each measurement. */
  readonly onSeen: (seen: Seen) => void;
}

/** Measures what one run uses, command by command. */
export class Monitor {
  readonly #options: MonitorOptions;
  readonly #series = new UsageSeries();
  readonly #commands: object[] = [];
  #sampler: Sampler | undefined;
  #record: CommandRecord | undefined;
  #before: Usage = NO_USAGE;
  #startedAt: number | undefined;
  /** The present command. */
  #present = { index: 0, startMs: 0 };

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  attach(sandbox: Sandbox): void {
    this.#sampler = new Sampler(sandbox, seen => {
      this.#see(seen);
    });
  }

  commandStarting(index: number): void {
    this.#startedAt ??= performance.now();
    this.#present = { index, startMs: Math.round(this.#sinceStart()) };
    this.#record = new CommandRecord(this.#before);
    this.#sampler?.start();
  }

  /**
   * Measures once more, unless the command was too quick to be measured and no series is wanted.
   *
   * @returns lines for the command's summary
   */
  async commandEnded(result: CommandResult): Promise<readonly (readonly [string, string])[]> {
    const record = this.#record;
    this.#record = undefined;
    if (!record) return [];
    const usage = record.hasUsage || this.#options.series ? await this.#sampler?.measure() : undefined;
    if (usage) {
      record.addUsage(usage);
      this.#keep(usage);
    }
    this.#before = usage ?? addUnmeasured(this.#before, result);
    this.#commands.push({
      ...this.#present,
      endMs: Math.round(this.#sinceStart()),
      exitCode: result.exitCode,
      ...record.usage(),
    });
    return record.lines();
  }

  stop(): void {
    this.#sampler?.stop();
  }

  /**
   * Returns all measurements over time, as JSON. Times are in ms since the first command started. A command
   * that was stopped has no end and no exit code.
   */
  report(): string {
    const stopped = this.#record ? [{ ...this.#present, ...this.#record.usage() }] : [];
    const { totalBytes } = readSystemMemory();
    const machine = { processors: availableParallelism(), totalMemoryBytes: totalBytes };
    const commands = [...this.#commands, ...stopped];
    return JSON.stringify({ version: 1, machine, commands, samples: this.#series.columns() });
  }

  #see(seen: Seen): void {
    this.#record?.add(seen.memory, seen.usage);
    if (seen.usage) this.#keep(seen.usage);
    this.#options.onSeen(seen);
  }

  #keep(usage: Usage): void {
    if (!this.#options.series) return;
    const systemMemoryUsedBytes = usedBytes(readSystemMemory());
    this.#series.add({ timeMs: this.#sinceStart(), usage, systemMemoryUsedBytes });
  }

  #sinceStart(): number {
    return performance.now() - (this.#startedAt ?? performance.now());
  }
}
