/** A time that the queue told of one of its acts, and when that was asked and answered, on our monotonic clock (ms). */
export interface TimeSeen {
  readonly queueMs: number;
  readonly askedAt: number;
  readonly answeredAt: number;
}

/**
 * The queue's clock, as far as it can be told from here.
 *
 * Whatever the queue did for a call, it did between question and answer: so each time that it tells narrows down how far
 * its clock is from ours. This machine's own clock is believed as long as it fits, since most are set by the network.
 * Where it does not, the queue's clock is taken to be the earliest that it can be: no deadline passes too soon.
 */
export interface QueueClock {
  /** Now, in ms since the epoch, by the queue's clock. */
  now(): number;
  /** When the queue's clock showed `queueMs`, on our monotonic clock (`performance.now()`). */
  at(queueMs: number): number;
  see(time: TimeSeen): void;
}

/** So many of the last times count: clocks are set, and drift. */
const REMEMBERED = 20;
/** The queue's times are cut to whole ms. */
const ROUNDING_MS = 1;

export function queueClock(
  monotonic: () => number = () => performance.now(),
  wall: () => number = Date.now,
): QueueClock {
  let seen: { readonly earliest: number; readonly latest: number }[] = [];

  /** The queue's clock less our monotonic one. */
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
      // Times that do not fit together are from before a clock was set, or this machine slept.
      seen = [...seen.filter(fits), bounds].slice(-REMEMBERED);
    },
  };
}
