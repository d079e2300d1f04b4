import { readFileSync } from 'node:fs';

/** What the kernel keeps for itself below a limit of process ids, once these have gone round. */
const RESERVED_PIDS = 300;
/** How much sooner than the worker a task's process is ended when memory runs out, in thousandths of the memory. */
const SOONER_KILLED = 500;
const HIGHEST_OOM_SCORE = 1_000;

/** Who keeps a run from having more than so many processes; each thread counts as one. */
export type ProcessLimit =
  /** Its PID namespace: it has no more ids. Root, whom no other limit holds, is held too. */
  | { readonly by: 'namespace'; readonly processes: number }
  /** The system, which counts the processes of a user: in a user namespace those of the run, elsewhere all. */
  | { readonly by: 'user'; readonly processes: number };

/** What decides how processes can be counted. */
export interface Circumstances {
  readonly inNamespace: boolean;
  readonly uid: number | undefined;
  /** The kernel's release, such as `6.18.1-arch1`. */
  readonly kernel: string;
}

/** How a run can be held to so many processes under these circumstances; otherwise why it cannot. */
export function processLimit(
  processes: number,
  { inNamespace, uid, kernel }: Circumstances,
): ProcessLimit | string {
  if (uid !== 0) return { by: 'user', processes };
  if (!inNamespace) return 'for root, only a PID namespace can limit the number of processes';
  // Before, the highest process id was one for the whole machine, and root in a namespace would have changed it.
  if (!isAtLeast(kernel, [6, 14])) {
    return `for root, only Linux 6.14 and later can limit the number of processes, and this is ${kernel}`;
  }
  return { by: 'namespace', processes };
}

/** The highest process id, plus one, of a namespace that always has room for so many processes. */
export function pidMax(limit: ProcessLimit | undefined): string {
  return limit?.by === 'namespace' ? String(limit.processes + RESERVED_PIDS) : '';
}

/**
 * Lines for the shell that becomes a command: they hold it, and what it starts, to the limits of a run. Where the system
 * does not have one of them, or has a lower one, they change nothing.
 */
export function limitLines(limit: ProcessLimit | undefined): string {
  const score = taskOomScore(ownOomScore());
  // Shells differ in the letter of this limit.
  const processes =
    limit?.by === 'user' ? `ulimit -u ${limit.processes} || ulimit -p ${limit.processes}` : ':';
  return `{ echo ${score} >/proc/self/oom_score_adj; ${processes}; } 2>/dev/null`;
}

/**
 * The `oom_score_adj` of a task, by its worker's. worker-runner exempts itself and the worker from the OOM killer (-1000), and a task
 * never is.
 */
export function taskOomScore(ofWorker: number): number {
  return Math.min(HIGHEST_OOM_SCORE, Math.max(0, ofWorker + SOONER_KILLED));
}

function ownOomScore(): number {
  try {
    return Number(readFileSync('/proc/self/oom_score_adj', 'latin1'));
  } catch {
    return 0;
  }
}

/** Compares the numbers with which a kernel's release begins. */
function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(part => Number.parseInt(part, 10));
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
