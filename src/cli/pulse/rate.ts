import { exhaustMap, timer, type Subscription } from 'rxjs';
import type { PulseGauges, PulseQueue } from '../../pulse/index.ts';

/** Over how long a rate is taken, in ms: long enough to be calm, short enough to be of now. */
const WINDOW_MS = 5_000;
/** How often a queue is asked how long it is, in ms. */
const LOOK_MS = 2_000;

/** Counts messages, and tells how many there are a second. */
export interface Rate {
  count(): void;
  /** `1,204 messages, 38.2/s`: all so far, and those of the last seconds. */
  words(): string;
}

export function rate(now = performance.now.bind(performance)): Rate {
  let total = 0;
  let samples: { at: number; total: number }[] = [{ at: now(), total }];
  return {
    count: () => total++,
    words: () => {
      const at = now();
      const kept = samples.findLastIndex(sample => at - sample.at >= WINDOW_MS);
      samples = samples.slice(Math.max(0, kept));
      const [first = { at, total }] = samples;
      samples.push({ at, total });
      const seconds = Math.max((at - first.at) / 1_000, 0.001);
      return `${amount(total, 'message')}, ${((total - first.total) / seconds).toFixed(1)}/s`;
    },
  };
}

/** What came and is not done yet, and what waits at the broker where that is known: `3 held (oldest 0.4 s)`. */
export function lag({ consumers }: PulseGauges, waiting: number | undefined): string {
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
export function amount(count: number, of: string): string {
  return `${count.toLocaleString('en')} ${of}${count === 1 ? '' : 's'}`;
}

/** How many messages wait in a queue, looked at again and again until `life` ends. */
export function depthOf(queue: PulseQueue, life: Subscription): () => number | undefined {
  let depth: number | undefined;
  // A look that fails says nothing: the consumer tells of lost connections.
  const look = () => queue.inspect().catch(() => undefined);
  life.add(
    timer(LOOK_MS, LOOK_MS)
      .pipe(exhaustMap(look))
      .subscribe(found => (depth = found?.messages)),
  );
  return () => depth;
}
