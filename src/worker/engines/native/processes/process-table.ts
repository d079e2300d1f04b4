import { existsSync, readdirSync, statSync } from 'node:fs';
import { setImmediate as otherThings } from 'node:timers/promises';
import { isGone, readProcFile } from '../../processes/index.ts';

/** A process in the system's list. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** The pid of the session's leader; absent where unknown. */
  readonly session?: number;
  /** Name of its program. The process can change it. */
  readonly name: string;
  /** A letter; see proc(5). */
  readonly state: string;
  /** Whether it is a zombie. */
  readonly zombie: boolean;
  /** When it started, in the system's units: distinguishes it from a later process with the same pid. */
  readonly started: string;
  /** CPU time in ticks of 1/100 s; absent where unknown. */
  readonly ticks?: Ticks;
}

/** CPU time of a process, and of the children that it has waited for. */
interface Ticks {
  readonly user: number;
  readonly kernel: number;
  readonly reapedUser: number;
  readonly reapedKernel: number;
}

/** How many remaining processes an error names. */
const MAX_NAMED = 10;
/** How long the main thread is blocked at a time, in ms: there may be tens of thousands of processes. */
const BUSY_MS = 10;
/** Time limit for ps(1), in ms. */
const PS_MS = 10_000;

/** What happens to each process as soon as it has been read. */
export interface Reading {
  readonly seen?: (row: ProcessRow) => void;
  /** A process was listed, and ended before it could be read. */
  readonly missed?: () => void;
}

/**
 * All processes of the machine that this process may see. The newest are read first, because they are the first to end.
 *
 * @throws Error when the system does not list them, for example because a task that is root has replaced /proc
 */
export async function readProcessTable({ seen, missed }: Reading = {}): Promise<ProcessRow[]> {
  if (process.platform !== 'linux') {
    const rows = await runPs();
    if (seen) rows.forEach(seen);
    return rows;
  }
  const rows: ProcessRow[] = [];
  await forEachYielding(namesIn('/proc').reverse(), name => {
    const [row] = readRow(`/proc/${name}`);
    if (row === undefined) {
      // An unreadable process is still there, and belongs to someone else.
      if (!existsSync(`/proc/${name}`)) missed?.();
      return;
    }
    rows.push(row);
    seen?.(row);
  });
  return rows;
}

/** All processes that /proc shows; see proc(5). A process that ends meanwhile is left out. */
export function readProc(): ProcessRow[] {
  return namesIn('/proc').flatMap(name => readRow(`/proc/${name}`));
}

/** One process that /proc shows; undefined when it has ended. */
export function readProcess(pid: number): ProcessRow | undefined {
  return readRow(`/proc/${pid}`)[0];
}

/** Applies a function to many items, and yields to the event loop in between. */
export async function forEachYielding<T>(things: Iterable<T>, act: (thing: T) => void): Promise<void> {
  let since = performance.now();
  for (const thing of things) {
    act(thing);
    if (performance.now() - since < BUSY_MS) continue;
    await otherThings();
    since = performance.now();
  }
}

/**
 * Whether a child of this process is running, according to the kernel: Node learns of an end slightly later. In doubt:
 * yes.
 */
export function isRunning(pid: number): boolean {
  if (process.platform !== 'linux') return true;
  try {
    const [row] = readRow(`/proc/${pid}`);
    return row !== undefined && !row.zombie;
  } catch {
    return true;
  }
}

/** Reads the process table with ps(1): the columns of POSIX, and the start time, which the BSDs and Linux have. */
export async function runPs(): Promise<ProcessRow[]> {
  const columns = ['pid', 'ppid', 'pgid', 'stat', 'lstart', 'comm'].flatMap(name => ['-o', `${name}=`]);
  const { execa } = await import('execa');
  const { stdout } = await execa('ps', ['-A', ...columns], { timeout: PS_MS });
  return stdout.split('\n').map(line => {
    const [pid, parent, group, state = '', ...rest] = line.trim().split(/\s+/);
    return {
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      name: rest.slice(5).join(' '),
      state: state.charAt(0),
      zombie: state.startsWith('Z'),
      // A day, a month, its day, a time and a year.
      started: rest.slice(0, 5).join(' '),
    };
  });
}

/** The environment with which a process's program started; empty when it is unreadable. */
export function environmentOf({ pid, state }: Pick<ProcessRow, 'pid' | 'state'>): string[] {
  // If a process's first thread has ended, its other threads show the environment.
  const folders =
    state === 'Z' ? namesIn(`/proc/${pid}/task`).map(thread => `/proc/${pid}/task/${thread}`) : [];
  return [`/proc/${pid}`, ...folders].flatMap(folder => readIfMay(`${folder}/environ`)?.split('\0') ?? []);
}

/** Processes by pid, name and state, for an operator: `12 (sleep, state D)`. */
export function namesOf(rows: readonly Pick<ProcessRow, 'pid' | 'name' | 'state'>[]): string {
  const names = rows.slice(0, MAX_NAMED).map(({ pid, name, state }) => {
    // A process can choose its own name.
    const words = [name.replaceAll(/[^\x20-\x7e]/g, '?'), `state ${state}`, ...otherUser(pid)];
    return `${pid} (${words.join(', ')})`;
  });
  const more = rows.length - names.length;
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function otherUser(pid: number): string[] {
  const uid = statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
  return uid === undefined || uid === process.geteuid?.() ? [] : [`user ${uid}`];
}

function readRow(folder: string): ProcessRow[] {
  const stat = readIfMay(`${folder}/stat`);
  if (stat === undefined) return [];
  // The program's name, in brackets, may hold spaces and brackets.
  const [begin, end] = [stat.indexOf('('), stat.lastIndexOf(')')];
  const fields = stat.slice(end + 2).split(' ');
  const [state = '', parent, group, session] = fields;
  return [
    {
      pid: Number(stat.slice(0, begin)),
      parent: Number(parent),
      group: Number(group),
      session: Number(session),
      name: stat.slice(begin + 1, end),
      state,
      // If only its first thread has ended, the process continues.
      zombie: (state === 'Z' && Number(fields[17]) <= 1) || state === 'X',
      started: fields[19] ?? '',
      ticks: {
        user: Number(fields[11]),
        kernel: Number(fields[12]),
        reapedUser: Number(fields[13]),
        reapedKernel: Number(fields[14]),
      },
    },
  ];
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter(name => /^\d+$/.test(name));
  } catch (error) {
    if (isGone(error) && folder !== '/proc') return [];
    throw error;
  }
}

/** A file of /proc; undefined when the process has ended, or this process may not read the file. */
function readIfMay(file: string): string | undefined {
  try {
    return readProcFile(file);
  } catch (error) {
    if (['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
