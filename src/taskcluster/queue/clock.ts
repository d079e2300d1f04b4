/** A timestamp in an answer of the queue, and when the call began and was answered on our monotonic clock, in ms. */
export interface ObservedTime {
  readonly queueMs: number;
  readonly askedAt: number;
  readonly answeredAt: number;
}

/**
 * An estimate of the queue's clock.
 *
 * The queue handles a call between the request and the answer. Each timestamp in an answer therefore bounds the offset
 * between the queue's clock and ours. This machine's own clock is trusted as long as it lies within these bounds, since
 * most clocks are set by the network. Otherwise the queue's clock is assumed to show the earliest possible time, so
 * that no deadline passes too soon.
 */
export interface QueueClock {
  /** The current time by the queue's clock, in ms since the epoch. */
  now(): number;
  /** Converts a time of the queue's clock to our monotonic clock (`performance.now()`). */
  at(queueMs: number): number;
  see(time: ObservedTime): void;
}

/** How many of the last timestamps count. Clocks drift and are adjusted, so older ones do not. */
const REMEMBERED = 20;
/** The queue's timestamps are truncated to whole ms. */
const ROUNDING_MS = 1;

export function queueClock(
  monotonic: () => number = () => performance.now(),
  wall: () => number = Date.now,
): QueueClock {
  let seen: { readonly earliest: number; readonly latest: number }[] = [];

  /** The queue's clock minus our monotonic clock. */
  const offset = () => {
    const ours = wall() - monotonic();
    const earliest = Math.max(...seen.map(bounds => bounds.earliest));
    const latest = Math.min(...seen.map(bounds => bounds.latest));
    return ours >= earliest && ours <= latest ? ours : earliest;
  };
  return {
    now: () => (seen.length === 0 ? wall() : monotonic() + offset()),
    at: queueMs => queueMs - (seen.length === 0 ? wall() - monotonic() : offset()),
    see: ({ queueMs, askedAt, answeredAt }) => {
      const bounds = {
        earliest: queueMs - answeredAt - ROUNDING_MS,
        latest: queueMs - askedAt + ROUNDING_MS,
      };
      const fits = ({ earliest, latest }: typeof bounds) =>
        earliest <= bounds.latest && latest >= bounds.earliest;
      // Bounds that contradict the new ones date from before a clock was adjusted or this machine slept.
      seen = [...seen.filter(fits), bounds].slice(-REMEMBERED);
    },
  };
}
