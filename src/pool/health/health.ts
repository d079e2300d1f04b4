import { ServiceError } from '../../taskcluster/index.ts';
import type { WorkerEvent, WorkerSnapshot } from '../../worker/index.ts';

/**
 * A kind of problem that keeps a worker from working.
 *
 * - `queue-refuses`: the queue answers, but does not let this worker ask for work
 * - `queue-away`: the queue has not answered for a while
 * - `disk-short`: the disk has no room for another task
 * - `engine-away`: commands cannot be run
 */
export type ProblemKind = 'queue-refuses' | 'queue-away' | 'disk-short' | 'engine-away';

export const PROBLEM_KINDS: readonly ProblemKind[] = [
  'queue-refuses',
  'queue-away',
  'disk-short',
  'engine-away',
];

export interface Problem {
  readonly kind: ProblemKind;
  /** One sentence without secrets, since everyone on the machine may read it. */
  readonly message: string;
  readonly forSeconds: number;
}

/** A worker's health at one moment. */
export interface HealthReport {
  /** Whether the worker can run tasks. It can do so without Pulse, by polling. */
  readonly canWork: boolean;
  /** Whether the worker asks for work, now or as soon as a slot is free. */
  readonly isReady: boolean;
  readonly phase: WorkerSnapshot['state']['phase'];
  readonly pulse: WorkerSnapshot['state']['pulse'];
  readonly slots: Slots;
  readonly problems: readonly Problem[];
  /** Reasons other than problems why the worker does not ask for work. */
  readonly pausedBy: readonly string[];
}

interface Slots {
  readonly busy: number;
  readonly free: number;
  readonly outOfService: number;
}

export interface Health {
  see(event: WorkerEvent): void;
  /** @param snapshot the worker's current state; undefined if the worker has not started yet */
  report(snapshot?: WorkerSnapshot): HealthReport;
}

/**
 * The queue may be unavailable for this long before it counts as a problem, in ms. A deployment restarts in less time.
 */
const QUEUE_MAY_BE_AWAY_MS = 120_000;

interface Noted {
  readonly kind: ProblemKind;
  readonly message: string;
  readonly since: number;
  /** When the problem starts to count. */
  readonly countsAt: number;
}

/**
 * Tracks a worker's health from its events.
 *
 * @param now a monotonic clock, in ms
 */
export function health(now: () => number = () => performance.now()): Health {
  /** Problems, keyed by what ends them. */
  const noted = new Map<string, Noted>();
  const paused = new Set<string>();

  const note = (key: string, kind: ProblemKind, message: string, afterMs = 0) => {
    const before = noted.get(key);
    const since = before?.since ?? now();
    const countsAt = before?.kind === kind ? before.countsAt : now() + afterMs;
    noted.set(key, { kind, message, since, countsAt });
  };
  const noteFailure = (call: 'claimWork' | 'pendingTasks', err: unknown) => {
    if (err instanceof ServiceError && !err.transient) {
      const status = err.statusCode === undefined ? '' : ` (${err.statusCode})`;
      note(call, 'queue-refuses', `the queue refuses ${call}${status}`);
    } else note(call, 'queue-away', `the queue does not answer ${call}`, QUEUE_MAY_BE_AWAY_MS);
  };

  return {
    see: event => {
      switch (event.type) {
        case 'claim-work-failed':
          noteFailure('claimWork', event.err);
          break;
        case 'pending-check-failed':
          noteFailure('pendingTasks', event.err);
          break;
        case 'claim-work-works':
          noted.delete('claimWork');
          break;
        case 'pending-check-works':
          noted.delete('pendingTasks');
          break;
        case 'disk-short':
          note('disk', 'disk-short', 'the disk has no room for another task');
          break;
        case 'disk-enough':
          noted.delete('disk');
          break;
        case 'engine-away':
          note(`engine ${event.engine}`, 'engine-away', `the engine ${event.engine} does not answer`);
          break;
        case 'engine-back':
          noted.delete(`engine ${event.engine}`);
          break;
        case 'quarantined':
          paused.add('quarantine');
          break;
        case 'quarantine-ended':
          paused.delete('quarantine');
          break;
        case 'starved':
          paused.add('starvation');
          break;
        case 'starved-no-more':
          paused.delete('starvation');
          break;
      }
    },
    report: snapshot => {
      const { phase, pulse } = snapshot?.state ?? { phase: 'starting', pulse: 'undecided' };
      const problems = [...noted.values()]
        .filter(({ countsAt }) => countsAt <= now())
        .map(({ kind, message, since }) => ({ kind, message, forSeconds: (now() - since) / 1_000 }));
      const canWork = problems.length === 0 && phase !== 'stopped';
      return {
        canWork,
        isReady: canWork && phase === 'listening' && paused.size === 0,
        phase,
        pulse,
        slots: slotsOf(snapshot),
        problems,
        pausedBy: [...paused],
      };
    },
  };
}

function slotsOf(snapshot: WorkerSnapshot | undefined): Slots {
  if (!snapshot) return { busy: 0, free: 0, outOfService: 0 };
  const { capacity, runs, outOfService } = snapshot;
  return { busy: runs.length, outOfService, free: Math.max(0, capacity - runs.length - outOfService) };
}
