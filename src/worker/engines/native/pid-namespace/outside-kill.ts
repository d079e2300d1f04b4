import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { signal } from '../processes/signal.ts';
import { settledWithin } from '../../settled-within.ts';

/** How long the kernel may take to end a namespace, in ms. */
const QUICK_MS = 100;
/** How long processes may outlive SIGKILL, in ms: a process that waits for a broken disk never ends. */
const PATIENCE_MS = 10_000;
const LONGEST_PAUSE_MS = 500;
/** How many remaining processes an error names. */
const NAMED = 10;

interface Member {
  readonly pid: number;
  /** The kernel's name of its program. */
  readonly name: string;
  /** A letter; see proc(5). */
  readonly state: string;
}

/** Identification of a PID namespace. */
export interface Space {
  /** The kernel's number of the namespace, which is reused once the namespace is gone. */
  readonly name: string;
  /** Releases the namespace. Until then its number is not reused, so that no other process is taken for a member. */
  readonly release: () => void;
  /** Its first process. */
  readonly init: number;
  /** When that process started, in the system's units: its pid may be reused. */
  readonly initStarted: string | undefined;
}

/** The PID namespace that a process has created for its children. Its number stays reserved until it is released. */
export function namespaceForChildren(pid: number): Pick<Space, 'name' | 'release'> {
  const descriptor = openSync(`/proc/${pid}/ns/pid_for_children`, 'r');
  return {
    name: readlinkSync(`/proc/self/fd/${descriptor}`),
    release: () => {
      closeSync(descriptor);
    },
  };
}

/**
 * Waits for the end of a PID namespace after SIGKILL to its first process. The kernel ends all other members, unless one
 * holds the first process in its exit as its tracer. Members that are left after a moment are killed one by one.
 *
 * @param emptied settles when nothing is left
 * @throws Error naming the processes that do not end
 */
export async function killFromOutside(
  space: Omit<Space, 'release'>,
  emptied: Promise<unknown>,
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let pause = QUICK_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    if (await settledWithin(emptied, pause)) return;
    const members = membersOf(space);
    if (performance.now() > deadline) {
      if (members.length === 0) return;
      throw new Error(`Processes cannot be ended: ${namesOf(members)}`);
    }
    for (const { pid } of members) signal(pid, 'SIGKILL');
  }
}

function namesOf(members: readonly Member[]): string {
  const names = members.slice(0, NAMED).map(({ pid, name, state }) => `${pid} (${name}, state ${state})`);
  const more = members.length - names.length;
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The processes in a namespace and in nested ones, which are descendants of its first process. */
function membersOf({ name: space, init, initStarted }: Omit<Space, 'release'>): Member[] {
  const rows = readdirSync('/proc').flatMap(name => (/^\d+$/.test(name) ? readRow(Number(name)) : []));
  const alive = rows.filter(({ state }) => state !== 'Z' && state !== 'X');
  const members = new Set(
    rows
      .filter(({ pid, started }) => (pid === init && started === initStarted) || isIn(pid, space))
      .map(({ pid }) => pid),
  );
  for (let before = -1; before !== members.size;) {
    before = members.size;
    for (const { pid, parent } of rows) if (members.has(parent)) members.add(pid);
  }
  return alive.filter(({ pid }) => members.has(pid));
}

interface Row extends Member {
  readonly parent: number;
  readonly started: string | undefined;
}

/** Ended processes are left out. */
function readRow(pid: number): Row[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [begin, end] = [stat.indexOf('(') + 1, stat.lastIndexOf(')')];
    const fields = stat.slice(end + 2).split(' ');
    const [state = '', parent] = fields;
    return [{ pid, name: stat.slice(begin, end), state, parent: Number(parent), started: fields[19] }];
  } catch {
    return [];
  }
}

function isIn(pid: number, space: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`) === space;
  } catch {
    return false;
  }
}
