import { readFileSync } from 'node:fs';

/** Process IDs that the kernel reserves once the numbers have wrapped around. */
const RESERVED_PIDS = 300;
/** How much earlier than the worker a task's process is killed when memory runs out, in thousandths of the memory. */
const OOM_SCORE_ABOVE_WORKER = 500;
const HIGHEST_OOM_SCORE = 1_000;

/** The mechanism that limits processes. Each thread counts as a process. */
export type ProcessLimit =
  /** The PID namespace, which runs out of IDs. This also limits root, whom no other limit does. */
  | { readonly by: 'namespace'; readonly processes: number }
  /** The system's limit for a user: in a user namespace it counts the run's processes, elsewhere all of the user's. */
  | { readonly by: 'user'; readonly processes: number };

/** The circumstances on which the limit depends. */
export interface Circumstances {
  readonly inNamespace: boolean;
  readonly uid: number | undefined;
  /** The kernel's release, such as `6.18.1-arch1`. */
  readonly kernel: string;
}

/** How to limit a run to this many processes under these circumstances, or the reason why that is impossible. */
export function processLimit(
  processes: number,
  { inNamespace, uid, kernel }: Circumstances,
): ProcessLimit | string {
  if (uid !== 0) return { by: 'user', processes };
  if (!inNamespace) return 'for root, only a PID namespace can limit the number of processes';
  // Older kernels have one highest process id for the whole machine, and root in a namespace would change that.
  if (!isAtLeast(kernel, [6, 14])) {
    return `for root, only Linux 6.14 and later can limit the number of processes, and this is ${kernel}`;
  }
  return { by: 'namespace', processes };
}

/** The `pid_max` of a namespace that always has room for this many processes. */
export function pidMax(limit: ProcessLimit | undefined): string {
  return limit?.by === 'namespace' ? String(limit.processes + RESERVED_PIDS) : '';
}

/**
 * Lines for the shell that becomes a command. They limit the command and its descendants. A limit that the system
 * lacks, or that is already lower, is not changed.
 */
export function limitLines(limit: ProcessLimit | undefined): string {
  const score = taskOomScore(ownOomScore());
  // Shells have different option letters for this limit.
  const processes =
    limit?.by === 'user' ? `ulimit -u ${limit.processes} || ulimit -p ${limit.processes}` : ':';
  return `{ echo ${score} >/proc/self/oom_score_adj; ${processes}; } 2>/dev/null`;
}

/**
 * The `oom_score_adj` of a task, derived from its worker's. worker-runner exempts itself and the worker from the OOM
 * killer (-1000). A task is never exempt.
 */
export function taskOomScore(ofWorker: number): number {
  return Math.min(HIGHEST_OOM_SCORE, Math.max(0, ofWorker + OOM_SCORE_ABOVE_WORKER));
}

function ownOomScore(): number {
  try {
    return Number(readFileSync('/proc/self/oom_score_adj', 'latin1'));
  } catch {
    return 0;
  }
}

/** Compares the leading numbers of a kernel release. */
function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(part => Number.parseInt(part, 10));
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
