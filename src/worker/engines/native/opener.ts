import { ANSWER, AnsweringShell } from './answering-shell.ts';
import { KEEPER } from './mark.ts';

const LAUNCHER_ENDS = '<&5 >&7 2>&8 3>&8 4>&- 5<&- 6>&- 7>&- 8>&-';

/** What a shell has to know to make namespaces. Each is words of the shell. */
export interface OpenerWords {
  /** The program that makes FIFOs, with its options. */
  readonly mkfifo: string;
  /** Runs as the first process of a new namespace. */
  readonly first: string;
  /** Starts a launcher in the namespace that the process `$pid` has made for its children. */
  readonly launcher: string;
  /** Runs what follows with the default for SIGINT and SIGQUIT; fails where the machine's env(1) can not do that. */
  readonly resetting: string;
  /** Runs what follows in a process of its own, which it does not wait for. */
  readonly forking: string;
}

/**
 * A shell has what it starts with `&` ignore SIGINT and SIGQUIT, and no shell after it can change that, so that a task
 * would ignore them too. env(1) of GNU coreutils can change it, from 8.31. Elsewhere the launcher is started in the
 * foreground by a program that does not stay; it then becomes a child of the machine's first process.
 *
 * The worker's end of it, between `make` and `open`, is open already, so that nothing here waits for a worker that may
 * be gone. A FIFO that is opened for both ways does not wait either; the programs get one way only, or they would be
 * the writers whose end they wait for.
 *
 * Shells keep each job that has ended until it has been told of, and look through all of them at each start.
 */
/**
 * Ends the namespaces that this shell has made, when the worker is gone. That the shell ends would end them too, unless a
 * member holds the first process in its exit. `-ef` compares what the links of /proc lead to without another program.
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

const script = ({ mkfifo, first, launcher, resetting, forking }: OpenerWords) => `
  exec 2>&1
  trap : PIPE
  resets=
  ${resetting} >/dev/null 2>&1 && resets=yes
  while read -r request mark pid; do
    folder=$1$mark
    case $request in
      make)
        if ${mkfifo} "$folder/keep" "$folder/status" "$folder/jobs" "$folder/report" "$folder/output"
        then echo '${ANSWER}made'; else echo '${ANSWER}failed'; fi ;;
      open)
        exec 4<>"$folder/keep" 5<"$folder/keep" 6<>"$folder/status"
        ${KEEPER}=$mark ${first} <&5 >&6 2>&6 4>&- 5<&- 6>&- &
        echo "${ANSWER}$!"
        exec 4>&- 5<&- 6>&- ;;
      enter)
        exec 4<>"$folder/jobs" 5<"$folder/jobs" 6<>"$folder/output" 7>"$folder/output" 8<>"$folder/report"
        if [ -n "$resets" ]
        then ${KEEPER}=$mark ${resetting} ${launcher} ${LAUNCHER_ENDS} &
        else ${KEEPER}=$mark ${forking} ${launcher} ${LAUNCHER_ENDS}
        fi
        exec 4>&- 5<&- 6>&- 7>&- 8>&-
        echo '${ANSWER}entered' ;;
    esac
    jobs >/dev/null
  done
  ${GUARD}`;

/**
 * The shell beside the worker that starts what a namespace consists of.
 *
 * The worker could start those programs itself. But when Node starts a program, the kernel copies its page tables, and
 * afterwards each page that it writes to: with a worker's memory that takes several milliseconds each time, in which
 * nothing else happens. A shell is small.
 *
 * It ends when the worker does, and it does not keep the worker's process from ending.
 */
export class Opener {
  /** What the path of each run's folder for FIFOs begins with, before the run's mark. */
  readonly folders: string;
  readonly #shell: string;
  readonly #words: readonly string[];
  readonly #searchPath: string;
  #running: AnsweringShell | undefined;

  /**
   * @param shell a POSIX shell
   * @param words what it starts
   * @param folders what the path of each run's folder for FIFOs begins with, before the run's mark
   * @param searchPath for the programs that those programs start
   */
  constructor(shell: string, words: OpenerWords, folders: string, searchPath: string) {
    this.folders = folders;
    this.#shell = shell;
    this.#words = ['-c', script(words), 'opener', folders];
    this.#searchPath = searchPath;
  }

  /** Makes the FIFOs of a run. */
  async make(mark: string): Promise<void> {
    const running = this.#start();
    const make = (shell: AnsweringShell) => shell.ask(`make ${mark}`);
    // Node hears a little later of an end than others may ask.
    const answer = await make(running).catch(() => make(this.#start()));
    if (answer !== 'made') throw new Error(running.complaint());
  }

  /** Starts the first process of a run's namespace; resolves to the pid of the program that makes the namespace. */
  async open(mark: string): Promise<number> {
    return Number(await this.#start().ask(`open ${mark}`));
  }

  /** Starts the launcher of a run. */
  async enter(mark: string, pid: number): Promise<void> {
    await this.#start().ask(`enter ${mark} ${pid}`);
  }

  close(): void {
    this.#running?.close();
  }

  #start(): AnsweringShell {
    if (this.#running === undefined || this.#running.over) {
      this.#running = new AnsweringShell(this.#shell, this.#words, this.#searchPath);
    }
    return this.#running;
  }
}
