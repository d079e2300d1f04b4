import type { Usage } from '../../engines/engine.ts';

/** What the processes of a run had used at one moment. */
export interface Sample {
  /** Time since the run's first command, in ms. */
  readonly timeMs: number;
  readonly usage: Usage;
  /** Memory used on the whole machine, in bytes. */
  readonly systemMemoryUsedBytes: number;
}

/** Samples in columns, with one number for each sample. Values that the system does not count have no column. */
export interface Columns {
  readonly timeMs: readonly number[];
  /** CPU times and bytes are sums since the run began. Memory and processes are momentary values. */
  readonly userMs: readonly number[];
  readonly kernelMs: readonly number[];
  readonly memoryBytes: readonly number[];
  readonly readBytes?: readonly number[];
  readonly writtenBytes?: readonly number[];
  readonly processes: readonly number[];
  readonly systemMemoryUsedBytes: readonly number[];
}

/** Largest number of samples. */
const MAX_SAMPLES = 2_000;

/**
 * Samples of a run over time. Their number is limited, however long the run is: when there are too many, each
 * two are merged into one, with the larger memory of the two.
 */
export class UsageSeries {
  readonly #most: number;
  #samples: Sample[] = [];
  /** How many measurements one sample stands for. */
  #each = 1;
  #pending: Sample[] = [];

  constructor(most = MAX_SAMPLES) {
    this.#most = most;
  }

  add(sample: Sample): void {
    this.#pending.push(sample);
    if (this.#pending.length < this.#each) return;
    this.#samples.push(this.#pending.reduce(together));
    this.#pending = [];
    if (this.#samples.length < this.#most) return;
    this.#each *= 2;
    this.#samples = Array.from({ length: Math.ceil(this.#samples.length / 2) }, (_, index) =>
      this.#samples.slice(2 * index, 2 * index + 2).reduce(together),
    );
  }

  columns(): Columns {
    const samples = [...this.#samples, ...(this.#pending.length > 0 ? [this.#pending.reduce(together)] : [])];
    const column = (of: (sample: Sample) => number) => samples.map(of);
    const counted = (name: 'readBytes' | 'writtenBytes') =>
      samples.every(({ usage }) => usage[name] !== undefined)
        ? { [name]: column(({ usage }) => usage[name] ?? 0) }
        : {};
    return {
      timeMs: column(({ timeMs }) => Math.round(timeMs)),
      userMs: column(({ usage }) => usage.userMs),
      kernelMs: column(({ usage }) => usage.kernelMs),
      memoryBytes: column(({ usage }) => usage.memoryBytes),
      ...counted('readBytes'),
      ...counted('writtenBytes'),
      processes: column(({ usage }) => usage.processes),
      systemMemoryUsedBytes: column(({ systemMemoryUsedBytes }) => systemMemoryUsedBytes),
    };
  }
}

/** Merges two samples: the sums of the later one, and the larger of the momentary values. */
function together(earlier: Sample, later: Sample): Sample {
  const larger = (name: 'memoryBytes' | 'processes') => Math.max(earlier.usage[name], later.usage[name]);
  return {
    timeMs: later.timeMs,
    usage: { ...later.usage, memoryBytes: larger('memoryBytes'), processes: larger('processes') },
    systemMemoryUsedBytes: Math.max(earlier.systemMemoryUsedBytes, later.systemMemoryUsedBytes),
  };
}
