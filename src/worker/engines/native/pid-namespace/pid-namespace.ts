import { openSync, readFileSync } from 'node:fs';
import { startOf } from '../../processes/index.ts';
import type { Census } from '../processes/census.ts';
import type { Enclosure } from '../enclosure.ts';
import { Launcher, launcherArgs, terminalLauncher } from '../launcher/launcher.ts';
import { pidMax, type ProcessLimit } from './limits.ts';
import { namespaceCensus } from './namespace-census.ts';
import { NamespaceEnds } from './namespace-ends.ts';
import { Opener } from '../launcher/opener.ts';
import type { OutputPipe } from '../launcher/output-pipe.ts';
import { killFromOutside, namespaceForChildren, type Space } from './outside-kill.ts';
import { isRunning, readProc } from '../processes/process-table.ts';
import { signal } from '../processes/signal.ts';
import { shellQuoted } from '../../../../base/index.ts';
import type { PidNamespaceMethod } from './namespace-methods.ts';
import type { OtherUser } from './other-user.ts';
import type { Tools } from '../launcher/tools.ts';

/**
 * The first process of a namespace. The kernel kills every other member when it ends, and lets no member signal it.
 *
 * It reaps orphans: the shell's `wait` does this, too. A helper reads the worker's requests. The worker can request
 * SIGTERM for all members (and SIGCONT, for those that are stopped), or ask whether any member is left. The end of the
 * pipe means that the worker is gone. If a member kills the helper, it is replaced. The first line of the script is a
 * safeguard: outside a namespace, the signals would go to every process of the machine.
 *
 * The machine's /proc is unmounted, not only covered, so that root cannot uncover it.
 */
const INIT = `
  [ $$ -eq 1 ] || exit 1
  trap '' HUP INT QUIT TERM USR1 USR2 ALRM PIPE
  if [ -n "$2" ]; then
    "$2" -l /proc
    "$3" -t proc -o nosuid,nodev,noexec proc /proc || exit 1
  fi
  if [ -n "$1" ]; then echo "$1" >/proc/sys/kernel/pid_max || exit 1; fi
  if [ -n "$4" ]; then eval "$4" || exit 1; fi
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

/** The parts of an engine's namespaces. */
interface NamespaceOptions {
  readonly tools: Tools;
  readonly limit: ProcessLimit | undefined;
  /** Whether standard error has its own pipe. */
  readonly separateErrors: boolean;
  /** Changes for commands with a user other than the worker's. */
  readonly otherUser?: OtherUser | undefined;
}

/** Makes the opener, which starts the processes of namespaces. */
export function namespaceOpener(
  { unshare, remount, nsenter, drop, setsid, userNamespace }: PidNamespaceMethod,
  { tools, limit, separateErrors, otherUser }: NamespaceOptions,
): Opener {
  const words = (list: readonly string[]) => list.map(shellQuoted).join(' ');
  // nsenter does not fork, so the launcher after it stays outside the PID namespace, where no member can signal it.
  // Only its children are members. Each child has its own session, so that its process group has a number inside, and
  // `kill 0` cannot leave the namespace.
  const enter = [nsenter, '--no-fork', ...(userNamespace ? ['--preserve-credentials'] : [])];
  const spaces = {
    pid: 'pid_for_children',
    mount: 'mnt',
    ...(userNamespace && { user: 'user' }),
    ...Object.fromEntries((otherUser?.spaces ?? []).map(space => [space, space])),
  };
  const files = Object.entries(spaces).map(([option, file]) => `--${option}="/proc/$keeper/ns/${file}"`);
  const making = unshare.toSpliced(unshare.indexOf('--pid'), 0, ...(otherUser?.unshare ?? []));
  const init = [tools.shell, '-c', INIT, 'init', pidMax(limit), ...remount, otherUser?.lines ?? ''];
  const launching = launcherArgs([], otherUser?.launcherLines);
  return new Opener(
    [...tools.closing, tools.shell],
    {
      shell: shellQuoted(tools.shell),
      first: `${words([...making, ...init])} ${otherUser?.arguments ?? ''}`,
      launcher:
        `${words(enter)} ${files.join(' ')} -- ${words([...drop, tools.shell, ...launching])} ` +
        `${otherUser?.become ?? ''} ${words([setsid, tools.shell])}`,
      terminal:
        `${words(enter)} ${files.join(' ')} -- ` +
        `${words([...drop, tools.shell, '-c', terminalLauncher(otherUser?.launcherLines)])} terminal "$mark" ` +
        `${otherUser?.become ?? ''} ${words([tools.shell, '-c'])} "$script"`,
      resetting: words([tools.env, '--default-signal=INT,QUIT']),
      forking: words([setsid, '--fork']),
      separateErrors,
    },
    tools.searchPath,
  );
}

/**
 * Opens a PID namespace for one run.
 *
 * @param mark identifies its first process, different for each run
 * @param given arguments for the opener, for this run alone
 * @throws Error with the messages of its programs
 */
export async function openPidNamespace(
  mark: string,
  opener: Opener,
  given: readonly string[] = [],
): Promise<PidNamespace> {
  const make = (pid: number) => new NamespaceEnds(pid, opener.separateErrors);
  const { ends, keeper } = await opener.open(mark, make, given);
  try {
    await ends.ready;
    const init = childOf(keeper);
    const initStarted = startOf(init);
    // Last: nothing that can fail comes after it.
    const { shell, terminal } = opener;
    const inTerminal = [
      ...[...shell, '-c', `keeper=$1 mark=$2 script=$3; shift 3; exec ${terminal}`, 'terminal'],
      ...[String(keeper), mark],
    ];
    return new PidNamespace(
      ends,
      { mark, keeper, inTerminal, given },
      { init, initStarted, ...namespaceForChildren(keeper) },
    );
  } catch (error) {
    ends.close();
    throw error;
  }
}

/** Identification of a namespace from outside. */
interface Outside {
  readonly mark: string;
  /** The unshare program. */
  readonly keeper: number;
  /** The command that runs a script in a terminal inside: the script and `given` follow it. */
  readonly inTerminal: readonly string[];
  readonly given: readonly string[];
}

export class PidNamespace implements Enclosure {
  /** A process with at least the commands' rights. */
  readonly firstProcess: number;
  readonly launcher: Launcher;
  readonly pipe: OutputPipe;
  readonly errors: OutputPipe | undefined;
  readonly census: Census;
  readonly #ends: NamespaceEnds;
  /** The unshare program, which is outside. */
  readonly #keeper: number;
  readonly #space: Space;
  readonly #terminalWords: Pick<Outside, 'inTerminal' | 'given'>;
  #over = false;
  #killed: Promise<void> | undefined;

  constructor(ends: NamespaceEnds, outside: Outside, space: Space) {
    const { mark, keeper } = outside;
    this.#terminalWords = outside;
    this.#ends = ends;
    this.#keeper = keeper;
    this.#space = space;
    this.firstProcess = space.init;
    this.pipe = ends.pipe;
    this.errors = ends.errors;
    this.census = namespaceCensus(space, mark, keeper);
    // The launcher enters the namespace, which exists now.
    ends.jobs.write('enter\n');
    this.launcher = new Launcher({ jobs: ends.jobs, report: ends.report });
    void ends.ended.then(() => {
      this.#over = true;
    });
  }

  inTerminal(script: string, env: Readonly<Record<string, string>>) {
    const { inTerminal, given } = this.#terminalWords;
    const [file = '', ...args] = [...inTerminal, script, ...given];
    return { file, args, env };
  }

  get over(): boolean {
    return this.#over || !isRunning(this.#keeper);
  }

  async anyAlive(): Promise<boolean> {
    if (this.#over) return false;
    // Without an answer, assume that some are alive.
    return (await this.#ends.ask('any')) !== 'none' && !this.#over;
  }

  async terminate(): Promise<void> {
    this.#ends.write('terminate');
  }

  /** Opens the mount namespace of the run. It exists as long as somebody has it open. The caller closes it. */
  openMountSpace(): number {
    return openSync(`/proc/${this.#space.init}/ns/mnt`, 'r');
  }

  /** Can be repeated after a failure. */
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
    // The kernel lets unshare reap the first process only when all other members are gone.
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
  // It will be killed by this number, and 0 would be the worker's own process group.
  if (child === undefined || !(child > 1))
    throw new Error('The first process of the namespace was not found');
  return child;
}
