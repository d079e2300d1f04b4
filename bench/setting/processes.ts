import { execa } from 'execa';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { nowMs } from './clock.ts';

/** A process that belongs to a run. */
export interface Member {
  readonly pid: number;
  /** The name of its program. */
  readonly program: string;
}

/**
 * Returns the processes of a task's run, found from outside: those with the task's id in their environment, and all
 * others in the PID namespace of one of them. Works only on Linux.
 */
export function membersOf(taskId: string): Member[] {
  const ours = namespaceOf('self');
  const all = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  const marked = all.filter(pid => read(`/proc/${pid}/environ`).includes(`TASK_ID=${taskId}\0`));
  const namespaces = new Set(marked.map(namespaceOf).filter(name => name !== ours && name !== ''));
  return all
    .filter(pid => marked.includes(pid) || namespaces.has(namespaceOf(pid)))
    .map(pid => ({ pid: Number(pid), program: read(`/proc/${pid}/comm`).trim() }));
}

function namespaceOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return '';
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** A watch on processes that lasts until all are dead. */
interface DeathWatch {
  /** The time at which the last of them was found dead, on the clock of `nowMs`. */
  readonly allDeadMs: Promise<number>;
}

/**
 * Starts to watch processes in a separate thread, so that work in this thread causes no delay.
 *
 * @param everyMs the interval between two checks, which is the largest delay with which a death is noticed
 */
async function watchDeaths(pids: readonly number[], everyMs: number): Promise<DeathWatch> {
  const thread = new Worker(new URL('death-watch.ts', import.meta.url), { workerData: { pids, everyMs } });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  thread.once('error', reject);
  await once(thread, 'message');
  thread.once('message', resolve);
  return { allDeadMs: promise };
}

/** Returns the total resident memory of processes, in millions of bytes. */
export async function residentMb(pids: readonly number[]): Promise<number> {
  const { stdout } = await execa('ps', ['-o', 'rss=', '-p', pids.join(',')]);
  const kilobytes = stdout.split('\n').reduce((sum, line) => sum + Number(line), 0);
  return (kilobytes * 1024) / 1e6;
}

/**
 * Waits until this many processes of a task's run are `sleep`.
 *
 * @returns all processes of the run
 * @throws Error after `withinMs`
 */
export async function grownUp(taskId: string, sleepers: number, withinMs: number): Promise<Member[]> {
  const end = nowMs() + withinMs;
  for (;;) {
    const members = membersOf(taskId);
    if (members.filter(({ program }) => program === 'sleep').length >= sleepers) return members;
    if (nowMs() > end) throw new Error(`the processes of a task were not seen: ${JSON.stringify(members)}`);
    await sleep(20);
  }
}

/**
 * Measures the time from a request, such as a cancellation, to the death of all processes of a task's run, in ms.
 *
 * @param everyMs the largest delay with which a death is noticed
 * @throws Error when a process is left
 */
export async function msToDeath(
  taskId: string,
  members: readonly Member[],
  everyMs: number,
  ask: () => Promise<unknown>,
): Promise<number> {
  const watch = await watchDeaths(
    members.map(({ pid }) => pid),
    everyMs,
  );
  const sentMs = nowMs();
  const [diedMs] = await Promise.all([watch.allDeadMs, ask()]);
  const left = membersOf(taskId);
  if (left.length > 0) throw new Error(`not all of a run died: ${JSON.stringify(left)}`);
  return diedMs - sentMs;
}
