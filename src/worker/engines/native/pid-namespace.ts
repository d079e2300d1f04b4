import { readFileSync } from 'node:fs';
import type { Enclosure } from './enclosure.ts';
import { Launcher } from './launcher.ts';
import { pidMax, type ProcessLimit } from './limits.ts';
import { NamespaceEnds } from './namespace-ends.ts';
import { Opener } from './opener.ts';
import { withFifoFolder, type OutputPipe } from './output-pipe.ts';
import { isRunning, readProcFolder, type ProcessRow } from './process-table.ts';
import { quoted } from './quoted.ts';
import type { Tools } from './tools.ts';

/** A way to make a PID namespace and to enter it; which one works depends on the machine. */
export interface PidNamespaceMethod {
  /** Runs the arguments after it as the first process of a new namespace. */
  readonly unshare: readonly string[];
  readonly nsenter: string;
  readonly setsid: string;
  /** Whether the namespace lies in a user namespace, by whose rights an ordinary user can make it. */
  readonly userNamespace: boolean;
}

/** The ways worth trying on this machine, best first. Empty when a program that all of them need is missing. */
export function pidNamespaceMethods({ unshare, nsenter, setsid, setpriv }: Tools): PidNamespaceMethod[] {
  if (unshare === undefined || nsenter === undefined || setsid === undefined) return [];
  const asRoot = process.getuid?.() === 0 ? [[]] : [];
  // util-linux before 2.34 can only make the user root in there.
  const users = [...asRoot, ['--user', '--map-current-user'], ['--user', '--map-root-user']];
  // The kernel then ends all when the worker ends, even if the task stopped the namespace's own guard.
  const guards = setpriv === undefined ? [[]] : [[setpriv, '--pdeathsig', 'KILL', '--'], []];
  return users.flatMap(user =>
    guards.map(guard => ({
      unshare: [...guard, unshare, ...user, '--pid', '--fork', '--kill-child', '--mount-proc', '--'],
      nsenter,
      setsid,
      userNamespace: user.length > 0,
    })),
  );
}

/**
 * The first process of a namespace. The kernel kills every other member when it ends, and lets no member signal it.
 *
 * It reaps what loses its parent, which the shell's `wait` does beside waiting. A helper reads from the worker: a line
 * asks for SIGTERM to all members (and SIGCONT, for those that are stopped); the end of the pipe means that the worker
 * is gone. A helper that a member killed is replaced. The first line is a lock: outside a namespace, the signal would
 * go to every process of the machine.
 */
const INIT = `
  [ $$ -eq 1 ] || exit 1
  trap '' HUP INT QUIT TERM USR1 USR2 ALRM PIPE
  if [ -n "$1" ]; then echo "$1" >/proc/sys/kernel/pid_max || exit 1; fi
  echo ready
  exec 3<&0 </dev/null >/dev/null 2>&1
  until
    {
      while read -r request; do
        kill -s TERM -- -1
        kill -s CONT -- -1
      done
      exit 0
    } <&3 &
    wait "$!"
  do :; done`;

/** Makes what starts the processes of namespaces. */
export function namespaceOpener(
  { unshare, nsenter, setsid, userNamespace }: PidNamespaceMethod,
  tools: Tools,
  limit: ProcessLimit | undefined,
): Opener {
  const words = (list: readonly string[]) => list.map(quoted).join(' ');
  // nsenter does not fork, so that the shell after it stays outside the PID namespace, where no member can signal it,
  // and only its children are members.
  const enter = [nsenter, '--no-fork', ...(userNamespace ? ['--preserve-credentials'] : [])];
  const spaces = { pid: 'pid_for_children', mount: 'mnt', ...(userNamespace && { user: 'user' }) };
  const files = Object.entries(spaces).map(([option, file]) => `--${option}="/proc/$pid/ns/${file}"`);
  return new Opener(
    tools.shell,
    {
      mkfifo: words([tools.mkfifo, '-m', '600']),
      first: words([...unshare, tools.shell, '-c', INIT, 'init', pidMax(limit)]),
      launcher: `${words(enter)} ${files.join(' ')} -- ${quoted(tools.shell)}`,
      resetting: words([tools.env, '--default-signal=INT,QUIT']),
      forking: words([setsid, '--fork']),
    },
    tools.fifoFolders,
    tools.searchPath,
  );
}

/**
 * Makes a PID namespace for one run.
 *
 * @param mark by which its first process is known, different for each run
 * @throws Error with what its programs had to say
 */
export async function openPidNamespace(
  mark: string,
  opener: Opener,
  { setsid }: PidNamespaceMethod,
): Promise<Enclosure> {
  return await withFifoFolder(`${opener.folders}${mark}`, async folder => {
    await opener.make(mark);
    const ends = new NamespaceEnds(folder);
    try {
      const keeper = await opener.open(mark);
      await ends.ready;
      const init = childOf(keeper);
      await opener.enter(mark, keeper);
      return new PidNamespace(ends, keeper, init, setsid);
    } catch (error) {
      ends.close();
      throw error;
    }
  });
}

class PidNamespace implements Enclosure {
  readonly launcher: Launcher;
  readonly pipe: OutputPipe;
  readonly #ends: NamespaceEnds;
  /** The unshare program, which is outside. */
  readonly #keeper: number;
  readonly #init: number;
  #over = false;
  #killed: Promise<void> | undefined;

  constructor(ends: NamespaceEnds, keeper: number, init: number, setsid: string) {
    this.#ends = ends;
    this.#keeper = keeper;
    this.#init = init;
    this.pipe = ends.pipe;
    // A session whose leader is inside, so that process groups have numbers there and `kill 0` stays inside.
    this.launcher = new Launcher({ jobs: ends.jobs, report: ends.report, launch: quoted(setsid) });
    void ends.ended.then(() => {
      this.#over = true;
    });
  }

  get over(): boolean {
    return this.#over || !isRunning(this.#keeper);
  }

  async anyAlive(): Promise<boolean> {
    if (this.#over) return false;
    try {
      return readProcFolder(`/proc/${this.#keeper}/root/proc`).some(row => !isInit(row) && !row.zombie);
    } catch {
      // A task that is root may have unmounted /proc: then nobody knows.
      return !this.#over;
    }
  }

  async terminate(): Promise<void> {
    this.#ends.tell('terminate');
  }

  kill(): Promise<void> {
    this.#killed ??= this.#kill();
    return this.#killed;
  }

  async #kill(): Promise<void> {
    try {
      if (!this.#over) process.kill(this.#init, 'SIGKILL');
    } catch {
      // It ended a moment ago.
    }
    this.#ends.release();
    // The kernel lets the first process be reaped only when all other members are gone, and unshare reaps it.
    await this.#ends.ended;
    await this.#ends.launcherEnded;
  }
}

/** Is it the first process or its helper? Numbers of groups and sessions from outside the namespace are 0 in there. */
function isInit({ pid, parent, session }: ProcessRow): boolean {
  return pid === 1 || (parent === 1 && session === 0);
}

/** The only child of unshare. Kernels without the list of children, which are rare, are searched. */
function childOf(parent: number): number {
  let child: number | undefined;
  try {
    child = Number.parseInt(readFileSync(`/proc/${parent}/task/${parent}/children`, 'latin1'));
  } catch {
    child = readProcFolder('/proc').find(row => row.parent === parent)?.pid;
  }
  // It is going to be killed by this number, and 0 would be the worker's own process group.
  if (child === undefined || !(child > 1))
    throw new Error('The first process of the namespace was not found');
  return child;
}
