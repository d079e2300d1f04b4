import { makePipe } from './anonymous-pipe.ts';
import { ANSWER, AnsweringShell } from './answering-shell.ts';
import { ERRORS } from './launcher.ts';
import { KEEPER } from '../processes/mark.ts';

/** The shell's descriptors for pipes while a run is opened. Not every run has a pipe for standard error. */
export const PIPES = { keep: 4, status: 5, jobs: 6, report: 7, output: 8, errors: 9 } as const;

const CLOSED = '4<&- 5<&- 6<&- 7<&- 8<&- 9<&-';
const FIRST_ENDS = `</proc/self/fd/${PIPES.keep} >/proc/self/fd/${PIPES.status} 2>&1 ${CLOSED}`;
const LAUNCHER_ENDS =
  `</proc/self/fd/${PIPES.jobs} >/proc/self/fd/${PIPES.output} ` + `2>/proc/self/fd/${PIPES.report} 3>&2`;
/** The same with a pipe for errors. Its end reuses the number of a descriptor that is no longer needed by then. */
const WITH_ERRORS = `5<&- 6<&- 7<&- 8<&- ${ERRORS}>/proc/self/fd/${PIPES.errors} 9<&-`;

/**
 * Shell text with which the opener creates namespaces. In it, `$mark` is the mark of the run, and `$1` and so on are
 * the words that {@link Opener.open} received for the run.
 */
export interface OpenerArgs {
  readonly shell: string;
  /** Runs as the first process of a new namespace. */
  readonly first: string;
  /** Starts a launcher in the namespace that the process `$keeper` has created for its children. */
  readonly launcher: string;
  /**
   * Runs the script `$script` in the namespace, in the terminal that is its standard input. `$keeper`, `$mark`, `$1`
   * and so on are set.
   */
  readonly terminal: string;
  /**
   * Runs the command after it with default handling of SIGINT and SIGQUIT. Fails if the machine's env(1) cannot do so.
   */
  readonly resetting: string;
  /** Runs the command after it in a separate process, without waiting for it. */
  readonly forking: string;
  /** Whether standard error has its own pipe. */
  readonly separateErrors?: boolean;
}

/**
 * Ends the namespaces that this shell has created, when the worker is gone. The end of the shell would end them, too,
 * unless a member holds the first process in its exit. `-ef` compares the targets of links in /proc without starting
 * another program.
 */
const GUARD = `
  exec </dev/null >/dev/null 2>&1
  read -r children </proc/$$/task/$$/children
  tries=0
  while [ "$tries" -lt 100 ]; do
    members=
    for child in $children; do
      space=/proc/$child/ns/pid_for_children
      if [ ! -e "$space" ] || [ "$space" -ef /proc/$$/ns/pid ]; then continue; fi
      for process in /proc/[0-9]*; do
        [ "$process/ns/pid" -ef "$space" ] && members="$members \${process#/proc/}"
      done
    done
    [ -n "$members" ] || break
    kill -s KILL $members
    tries=$((tries + 1))
    sleep 0.1
  done`;

/**
 * For each run, the shell creates pipes, and the worker opens its ends of them through /proc. Then the shell starts the
 * first process and the launcher. The launcher waits for a line of input before it enters the namespace. The shell
 * closes the pipes before it answers. Until then, it is a writer of the pipes that the worker reads, so that these do
 * not reach their end.
 *
 * Processes that a shell starts with `&` ignore SIGINT and SIGQUIT. No shell among their descendants can change that,
 * so tasks would ignore both, too. env(1) of GNU coreutils 8.31 or later can change it. Where it cannot, a short-lived
 * program in the foreground starts the launcher, which then becomes a child of the machine's first process.
 *
 * `jobs` makes the shell forget ended jobs. Otherwise it keeps each of them, and searches all of them at every start.
 */
const script = (words: OpenerArgs) => {
  const { shell, first, launcher, resetting, forking, separateErrors } = words;
  const pipes = Object.values(PIPES).filter(fd => fd !== PIPES.errors || separateErrors === true);
  const launcherEnds = `${LAUNCHER_ENDS} ${separateErrors ? WITH_ERRORS : CLOSED}`;
  return `
  exec 2>&1
  trap : PIPE
  resets=
  ${resetting} >/dev/null 2>&1 && resets=yes
  while read -r request mark given; do
    set -f; set -- $given; set +f
    ${pipes.map(makePipe).join('\n')}
    echo '${ANSWER}made'
    read -r word || break
    answer=
    if [ "$word" = opened ]; then
      ${KEEPER}=$mark ${first} ${FIRST_ENDS} &
      keeper=$!
      answer=$keeper
      if [ -n "$resets" ]
      then
        { read -r word && export ${KEEPER}="$mark" && exec ${resetting} ${launcher}; } ${launcherEnds} &
      else
        ${KEEPER}=$mark ${forking} ${shell} -c 'read -r word && exec "$@"' launcher ${launcher} ${launcherEnds}
      fi
    fi
    exec ${CLOSED}
    echo "${ANSWER}$answer"
    jobs >/dev/null
  done
  exec ${CLOSED}
  ${GUARD}`;
};

/** The worker's ends of a run's pipes. */
interface Closable {
  close(): void;
}

/**
 * A shell beside the worker that starts the processes of namespaces.
 *
 * The worker could start them itself. But when Node starts a program, the kernel copies Node's page tables, and then
 * every page to which Node writes. With the memory of a worker, this blocks Node for several milliseconds. A shell is
 * small.
 *
 * The shell ends with the worker, and does not keep the worker's process alive.
 */
export class Opener {
  /** Whether runs have a separate pipe for standard error. */
  readonly separateErrors: boolean;
  /** {@link OpenerArgs.terminal} */
  readonly terminal: string;
  /** The shell for that text, and the programs before it. */
  readonly shell: readonly string[];
  readonly #words: readonly string[];
  readonly #searchPath: string;
  #running: AnsweringShell | undefined;
  /** Settles when the pipes of the last run are closed. */
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param shell a POSIX shell, and the programs before it
   * @param words the commands that it starts
   * @param searchPath PATH of those commands
   */
  constructor(shell: readonly string[], words: OpenerArgs, searchPath: string) {
    this.#words = [...shell, '-c', script(words), 'opener'];
    this.#searchPath = searchPath;
    this.terminal = words.terminal;
    this.shell = shell;
    this.separateErrors = words.separateErrors ?? false;
  }

  /**
   * Creates the pipes of a run, and starts the first process of its namespace and a launcher. The launcher enters the
   * namespace after it has read its first line.
   *
   * @param mark identifies both processes
   * @param take opens the worker's ends of {@link PIPES}; receives the pid of the process that has these descriptors
   * @param given words for this run alone, without spaces
   * @returns the result of `take`, and the pid of the program that creates the namespace
   */
  open<Ends extends Closable>(
    mark: string,
    take: (pid: number) => Ends,
    given: readonly string[] = [],
  ): Promise<{ readonly ends: Ends; readonly keeper: number }> {
    const opened = this.#last.then(() => this.#open([mark, ...given].join(' '), take));
    this.#last = opened.catch(() => undefined);
    return opened;
  }

  async #open<Ends extends Closable>(request: string, take: (pid: number) => Ends) {
    let shell = this.#start();
    const make = () => shell.ask(`open ${request}`);
    await make().catch(() => {
      // Node learns of a process's end slightly later than the kernel.
      shell = this.#start();
      return make();
    });
    let ends: Ends;
    try {
      ends = take(shell.pid);
    } catch (error) {
      await shell.ask('failed').catch(() => undefined);
      throw error;
    }
    try {
      return { ends, keeper: Number(await shell.ask('opened')) };
    } catch (error) {
      ends.close();
      throw error;
    }
  }

  close(): void {
    this.#running?.close();
  }

  #start(): AnsweringShell {
    if (this.#running === undefined || this.#running.over) {
      this.#running = new AnsweringShell(this.#words, this.#searchPath);
    }
    return this.#running;
  }
}
