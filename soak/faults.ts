import { setTimeout as sleep } from 'node:timers/promises';
import type { CallName } from '../test/harness/queue-call.ts';
import type { QueueFault } from '../test/harness/queue-fault-proxy.ts';
import type { Random } from './random.ts';
import type { SoakWorker } from './worker.ts';

/** The parts of the system that a fault may affect. */
export interface Field {
  /** The workers that the fault affects. */
  readonly workers: readonly SoakWorker[];
  readonly random: Random;
  /** The duration of the fault, in ms. */
  readonly lastsMs: number;
  readonly claimMs: number;
  /** Undefined if the soak may not stop the broker. */
  readonly broker: { stop(): Promise<void>; start(): Promise<void> } | undefined;
}

export interface FaultKind {
  readonly name: string;
  readonly whom: 'one' | 'all';
  /** The shortest and the longest duration, in ms. */
  readonly lasts: readonly [number, number];
  /**
   * The longest time, in ms, that an affected worker may be idle after the end of the fault before it claims a task.
   *
   * @param lastsMs the duration of the fault
   */
  readonly bound: (lastsMs: number, claimMs: number) => number;
  /**
   * Whether a worker counts as recovered only with a new connection to Pulse. A notice from the old connection may
   * still cause one claim.
   */
  readonly needsConnection?: true;
  /** Injects the fault and ends it. */
  readonly strike: (field: Field) => Promise<void>;
}

/** The time until an available worker receives a notice, in a soak that always has some pending tasks. */
const NEXT_TASK_MS = 6_000;
/** The longest time that a worker tolerates a silent connection: three heartbeats of 15 s. */
const SILENCE_MS = 45_000;
/**
 * The longest pause between a worker's attempts. A pause is also hardly longer than twice the outage, because its bound
 * doubles each time.
 */
const LONGEST_PAUSE_MS = 30_500;
const afterOutage = (lastsMs: number) => NEXT_TASK_MS + Math.min(2 * lastsMs, LONGEST_PAUSE_MS);

export const FAULTS: readonly FaultKind[] = [
  {
    name: 'pulse-cut',
    whom: 'all',
    lasts: [0, 0],
    bound: () => NEXT_TASK_MS,
    strike: async ({ workers }) => {
      for (const { pulse } of workers) pulse.cut();
    },
  },
  {
    name: 'pulse-frozen',
    whom: 'one',
    lasts: [2_000, 10_000],
    bound: () => NEXT_TASK_MS,
    strike: async ({ workers, lastsMs }) => {
      for (const { pulse } of workers) pulse.freeze();
      await sleep(lastsMs);
      for (const { pulse } of workers) pulse.thaw();
    },
  },
  {
    name: 'pulse-half-open',
    whom: 'one',
    lasts: [0, 0],
    bound: () => SILENCE_MS + NEXT_TASK_MS,
    needsConnection: true,
    strike: async ({ workers }) => {
      for (const { pulse } of workers) pulse.halfOpen();
    },
  },
  {
    name: 'pulse-refused',
    whom: 'all',
    lasts: [3_000, 10_000],
    bound: afterOutage,
    strike: async ({ workers, lastsMs }) => {
      for (const { pulse } of workers) {
        pulse.refuse();
        pulse.cut();
      }
      await sleep(lastsMs);
      for (const { pulse } of workers) pulse.accept();
    },
  },
  {
    name: 'pulse-slow',
    whom: 'one',
    lasts: [3_000, 6_000],
    bound: () => NEXT_TASK_MS,
    strike: async ({ workers, lastsMs }) => {
      for (const { pulse } of workers) pulse.delay(500);
      await sleep(lastsMs);
      for (const { pulse } of workers) pulse.delay(0);
    },
  },
  {
    name: 'broker-restart',
    whom: 'all',
    lasts: [2_000, 8_000],
    // Without the broker, the queue cannot announce tasks and gives none, so this is an outage of both. rabbitmqctl
    // takes additional time.
    bound: lastsMs => afterOutage(lastsMs + 15_000),
    strike: async ({ broker, lastsMs }) => {
      await broker?.stop();
      await sleep(lastsMs);
      await broker?.start();
    },
  },
  {
    name: 'queue-errors',
    whom: 'all',
    lasts: [2_000, 6_000],
    bound: afterOutage,
    strike: field => {
      const status = field.random.pick([429, 500, 502, 503]);
      return spoiled(field, undefined, { kind: 'status', status, as: status === 502 ? 'balancer' : 'queue' });
    },
  },
  {
    name: 'queue-denies-work',
    whom: 'one',
    lasts: [2_000, 5_000],
    bound: afterOutage,
    strike: field => {
      const status = field.random.pick([401, 403, 404, 409]);
      return spoiled(field, ['claimWork', 'pendingTasks', 'status'], { kind: 'status', status });
    },
  },
  {
    name: 'queue-slow',
    whom: 'all',
    lasts: [3_000, 6_000],
    bound: () => NEXT_TASK_MS,
    strike: field => spoiled(field, undefined, { kind: 'delay', ms: field.random.between(300, 1_000) }),
  },
  {
    name: 'queue-stuck',
    whom: 'all',
    lasts: [2_000, 8_000],
    bound: () => NEXT_TASK_MS,
    strike: field => spoiled(field, undefined, { kind: 'freeze' }),
  },
  {
    name: 'answers-lost',
    whom: 'all',
    lasts: [2_000, 5_000],
    bound: afterOutage,
    strike: field => spoiled(field, REPEATABLE, { kind: 'lose-answer' }),
  },
  {
    name: 'answers-halved',
    whom: 'all',
    lasts: [2_000, 5_000],
    bound: afterOutage,
    strike: field => spoiled(field, REPEATABLE, { kind: 'halve-answer' }),
  },
  {
    name: 'claims-lost',
    whom: 'one',
    lasts: [500, 1_500],
    bound: afterOutage,
    strike: field => spoiled(field, ['claimWork'], { kind: 'lose-answer' }),
  },
  {
    name: 'queue-away',
    whom: 'all',
    lasts: [30_000, 30_000],
    bound: afterOutage,
    strike: async ({ workers, lastsMs }) => {
      for (const { queue } of workers) queue.down();
      await sleep(lastsMs);
      for (const { queue } of workers) queue.up();
    },
  },
];

/**
 * Calls that may be repeated without further effect. A claim whose response is lost stays assigned until it expires.
 */
const REPEATABLE: readonly CallName[] = [
  'reclaimTask',
  'reportCompleted',
  'reportFailed',
  'reportException',
  'createArtifact',
  'upload',
  'pendingTasks',
  'status',
];

async function spoiled(
  { workers, lastsMs }: Field,
  calls: readonly CallName[] | undefined,
  fault: QueueFault,
): Promise<void> {
  const rules = workers.map(({ queue }) => queue.fault(calls, fault));
  await sleep(lastsMs);
  for (const rule of rules) rule.lift();
}
