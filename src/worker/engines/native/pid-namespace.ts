import { readFileSync } from 'node:fs';
import { startOf } from '../processes/index.ts';
import type { Enclosure } from './enclosure.ts';
import { Launcher, launcherWords } from './launcher.ts';
import { pidMax, type ProcessLimit } from './limits.ts';
import { NamespaceEnds } from './namespace-ends.ts';
import { Opener } from './opener.ts';
import type { OutputPipe } from './output-pipe.ts';
import { killFromOutside, namespaceForChildren, type Space } from './outside-kill.ts';
import { isRunning, readProc } from './process-table.ts';
import { signal } from './signal.ts';
import { quoted } from './quoted.ts';
import type { Tools } from './tools.ts';

/** A way to make a PID namespace and to enter it; which one works depends on the machine. */
export interface PidNamespaceMethod {
  /** Runs the arguments after it as the first process of a new namespace. */
  readonly unshare: readonly string[];
  /** The programs umount and mount, where the first process is to take /proc of the machine out of sight. */
  readonly remount: readonly string[];
  readonly nsenter: string;
  /** Runs the arguments after it without rights that the first process has, so that they cannot trace that. */
  readonly drop: readonly string[];
  readonly setsid: string;
  /** Whether the namespace lies in a user namespace, by whose rights an ordinary user can make it. */
  readonly userNamespace: boolean;
}

/**
 * The ways worth trying on this machine, best first. Empty when a program that all of them need is missing.
 *
 * Linux lets a process trace another one only if it has all capabilities that the other one has (ptrace(2)). So the first
 * process of a namespace keeps some that commands do not have: those by which an ordinary user made the namespace
 * (util-linux 2.36), or, where the commands are root, CAP_SYS_PTRACE. Without setpriv it has none more than they have.
 */
export function pidNamespaceMethods(tools: Tools): PidNamespaceMethod[] {
  const { unshare, nsenter, setsid, setpriv, mount, umount } = tools;
  if (unshare === undefined || nsenter === undefined || setsid === undefined) return [];
  // The kernel then ends all when the worker ends, even if the task stopped the namespace's own guard.
  const guard = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
  const without = (rights: string) =>
    setpriv === undefined ? [] : [setpriv, `--bounding-set=${rights}`, `--inh-caps=${rights}`, '--'];
  const method = (user: readonly string[], careful: readonly string[], drop: readonly string[]) => {
    const [before, proc, remount] =
      careful === guard && user.length === 0 && mount !== undefined && umount !== undefined
        ? [guard, '--mount', [umount, mount]]
        : [careful, '--mount-proc', []];
    const unshareWords = [...before, unshare, ...user, '--pid', '--fork', '--kill-child', proc, '--'];
    return { unshare: unshareWords, remount, nsenter, drop, setsid, userNamespace: user.length > 0 };
  };
  const current = ['--user', '--map-current-user'];
  // util-linux before 2.34 can only make the user root in there.
  const root = ['--user', '--map-root-user'];
  // Whoever can mount in a user namespace can uncover the machine's /proc, and there the shell that starts commands.
  const inUserNamespace = without('-sys_ptrace,-sys_admin');
  const isRoot = process.getuid?.() === 0;
  return [
    ...(isRoot ? [method([], guard, without('-sys_ptrace')), method([], [], [])] : []),
    ...(isRoot
      ? [method(current, guard, inUserNamespace)]
      : [method([...current, '--keep-caps'], guard, []), method(current, guard, [])]),
    method(current, [], []),
    method(root, guard, inUserNamespace),
    method(root, [], []),
  ];
}

/**
 * The first process of a namespace. The kernel kills every other member when it ends, and lets no member signal it.
 *
 * It reaps what loses its parent, which the shell's `wait` does beside waiting. A helper reads from the worker what it
 * asks for: SIGTERM to all members (and SIGCONT, for those that are stopped), or whether any is left; the end of the
 * pipe means that the worker is gone. A helper that a member killed is replaced. The first line is a lock: outside a
 * namespace, the signal would go to every process of the machine.
 *
 * /proc of the machine is unmounted and not only covered, so that root cannot uncover it.
 */
const INIT = `
  [ $$ -eq 1 ] || exit 1
  trap '' HUP INT QUIT TERM USR1 USR2 ALRM PIPE
  if [ -n "$2" ]; then
    "$2" -l /proc
    "$3" -t proc -o nosuid,nodev,noexec proc /proc || exit 1
  fi
  if [ -n "$1" ]; then echo "$1" >/proc/sys/kernel/pid_max || exit 1; fi
  echo ready
  exec 3<&0 4>&1 </dev/null >/dev/null 2>&1
  until
    {
      while read -r request; do
        case $request in
          terminate)
            kill -TERM -1
            kill -CONT -1 ;;
          *) if kill -0 -1; then echo some >&4; else echo none >&4; fi ;;
        esac
      done
      exit 0
    } <&3 &
    wait "$!"
  do :; done`;

/** Makes what starts the processes of namespaces. */
export function namespaceOpener(
  { unshare, remount, nsenter, drop, setsid, userNamespace }: PidNamespaceMethod,
  tools: Tools,
  limit: ProcessLimit | undefined,
): Opener {
  const words = (list: readonly string[]) => list.map(quoted).join(' ');
  // nsenter does not fork, so that the launcher after it stays outside the PID namespace, where no member can signal it,
  // and only its children are members. Each has a session of its own, so that process groups have numbers inside, and
  // `kill 0` stays there.
  const enter = [nsenter, '--no-fork', ...(userNamespace ? ['--preserve-credentials'] : [])];
  const spaces = { pid: 'pid_for_children', mount: 'mnt', ...(userNamespace && { user: 'user' }) };
  const files = Object.entries(spaces).map(([option, file]) => `--${option}="/proc/$keeper/ns/${file}"`);
  return new Opener(
    [...tools.closing, tools.shell],
    {
      shell: quoted(tools.shell),
      first: words([...unshare, tools.shell, '-c', INIT, 'init', pidMax(limit), ...remount]),
      launcher: `${words(enter)} ${files.join(' ')} -- ${words([...drop, tools.shell, ...launcherWords(setsid, tools.shell)])}`,
      resetting: words([tools.env, '--default-signal=INT,QUIT']),
      forking: words([setsid, '--fork']),
    },
    tools.searchPath,
  );
}

/**
 * Makes a PID namespace for one run.
 *
 * @param mark by which its first process is known, different for each run
 * @throws Error with what its programs had to say
 */
export async function openPidNamespace(mark: string, opener: Opener): Promise<Enclosure> {
  const { ends, keeper } = await opener.open(mark, pid => new NamespaceEnds(pid));
  try {
    await ends.ready;
    const init = childOf(keeper);
    const initStarted = startOf(init);
    // Last, for nothing that can fail comes after it.
    return new PidNamespace(ends, keeper, { init, initStarted, ...namespaceForChildren(keeper) });
  } catch (error) {
    ends.close();
    throw error;
  }
}

class PidNamespace implements Enclosure {
  readonly launcher: Launcher;
  readonly pipe: OutputPipe;
  readonly #ends: NamespaceEnds;
  /** The unshare program, which is outside. */
  readonly #keeper: number;
  readonly #space: Space;
  #over = false;
  #killed: Promise<void> | undefined;

  constructor(ends: NamespaceEnds, keeper: number, space: Space) {
    this.#ends = ends;
    this.#keeper = keeper;
    this.#space = space;
    this.pipe = ends.pipe;
    // It enters the namespace, which is there now.
    ends.jobs.write('enter\n');
    this.launcher = new Launcher({ jobs: ends.jobs, report: ends.report });
    void ends.ended.then(() => {
      this.#over = true;
    });
  }

  get over(): boolean {
    return this.#over || !isRunning(this.#keeper);
  }

  async anyAlive(): Promise<boolean> {
    if (this.#over) return false;
    // Without an answer nobody knows.
    return (await this.#ends.ask('any')) !== 'none' && !this.#over;
  }

  async terminate(): Promise<void> {
    this.#ends.tell('terminate');
  }

  /** After a failure, it can be tried again. */
  kill(): Promise<void> {
    this.#killed ??= this.#kill().catch(error => {
      this.#killed = undefined;
      throw error;
    });
    return this.#killed;
  }

  async #kill(): Promise<void> {
    if (!this.#over) signal(this.#space.init, 'SIGKILL');
    this.#ends.release();
    // The kernel lets the first process be reaped only when all other members are gone, and unshare reaps it.
    const emptied = Promise.all([this.#ends.ended, this.#ends.launcherEnded]);
    await killFromOutside(this.#space, emptied);
    this.#space.release();
  }
}

/** The only child of unshare. Kernels without the list of children, which are rare, are searched. */
function childOf(parent: number): number {
  let child: number | undefined;
  try {
    child = Number.parseInt(readFileSync(`/proc/${parent}/task/${parent}/children`, 'latin1'));
  } catch {
    child = readProc().find(row => row.parent === parent)?.pid;
  }
  // It is going to be killed by this number, and 0 would be the worker's own process group.
  if (child === undefined || !(child > 1))
    throw new Error('The first process of the namespace was not found');
  return child;
}
