import { exhaustMap, timer, type Subscription } from 'rxjs';
import type { PulseGauges, PulseQueue } from '../../pulse/index.ts';

/** The time over which the rate is measured, in ms: long enough to be steady, short enough to be current. */
const WINDOW_MS = 5_000;
/** The interval between queries of the queue length, in ms. */
const LOOK_MS = 2_000;

/** Counts messages and measures their rate per second. */
export interface Rate {
  count(): void;
  /** For example `1,204 messages, 38.2/s`: the total, and the rate of the last seconds. */
  text(): string;
}

export function rate(now = performance.now.bind(performance)): Rate {
  let total = 0;
  let samples: { at: number; total: number }[] = [{ at: now(), total }];
  return {
    count: () => total++,
    text: () => {
      const at = now();
      const kept = samples.findLastIndex(sample => at - sample.at >= WINDOW_MS);
      samples = samples.slice(Math.max(0, kept));
      const [first = { at, total }] = samples;
      samples.push({ at, total });
      const seconds = Math.max((at - first.at) / 1_000, 0.001);
      return `${countText(total, 'message')}, ${((total - first.total) / seconds).toFixed(1)}/s`;
    },
  };
}

/**
 * Describes the messages that have arrived and are not settled yet, and those waiting at the broker if that number is
 * known: `3 held (oldest 0.4 s)`.
 */
export function backlogText({ consumers }: PulseGauges, waiting: number | undefined): string {
  const held = consumers.reduce((sum, { count }) => sum + count, 0);
  const oldestMs = Math.max(0, ...consumers.map(consumer => consumer.oldestMs));
  const words = [
    ...(held > 0 ? [`${held.toLocaleString('en')} held (oldest ${(oldestMs / 1_000).toFixed(1)} s)`] : []),
    ...(waiting === undefined ? [] : [`${waiting.toLocaleString('en')} in the queue`]),
    ...(consumers.some(({ consuming }) => consuming) ? [] : ['not connected']),
  ];
  return words.map(word => `, ${word}`).join('');
}

/** `1 message`, `1,204 messages`. */
export function countText(count: number, of: string): string {
  return `${count.toLocaleString('en')} ${of}${count === 1 ? '' : 's'}`;
}

/**
 * Queries the number of messages in a queue repeatedly until `life` ends. Returns a function that reads the latest
 * number.
 */
export function depthOf(queue: PulseQueue, life: Subscription): () => number | undefined {
  let depth: number | undefined;
  // A failed query is ignored, because the consumer reports lost connections.
  const look = () => queue.inspect().catch(() => undefined);
  life.add(
    timer(LOOK_MS, LOOK_MS)
      .pipe(exhaustMap(look))
      .subscribe(found => (depth = found?.messages)),
  );
  return () => depth;
}
