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
/** With a pipe for errors. Its end has the number of a descriptor that is not needed any more by then. */
const WITH_ERRORS = `5<&- 6<&- 7<&- 8<&- ${ERRORS}>/proc/self/fd/${PIPES.errors} 9<&-`;

/**
 * What a shell has to know to make namespaces. Each is words of the shell. In them, `$mark` is the mark of the run, and `$1`
 * and so on are the words that {@link Opener.open} was given for it.
 */
export interface OpenerWords {
  readonly shell: string;
  /** Runs as the first process of a new namespace. */
  readonly first: string;
  /** Starts a launcher in the namespace that the process `$keeper` has made for its children. */
  readonly launcher: string;
  /**
   * Runs the script `$script` in the namespace, in the terminal that is its standard input. `$keeper` and `$mark` are known, and
   * `$1` and so on.
   */
  readonly terminal: string;
  /** Runs what follows with the default for SIGINT and SIGQUIT; fails where the machine's env(1) cannot do that. */
  readonly resetting: string;
  /** Runs what follows in a process of its own, which it does not wait for. */
  readonly forking: string;
  /** Whether standard error has its own pipe. */
  readonly separateErrors?: boolean;
}

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

/**
 * For each run the shell makes pipes, lets the worker open its ends of them by /proc, and then starts the first process
 * and the launcher, which waits for a word before it enters the namespace. The shell closes the pipes before it
 * answers. Until then it is the writer of those that the worker reads, which would otherwise be at their end.
 *
 * A shell has what it starts with `&` ignore SIGINT and SIGQUIT, and no shell after it can change that, so that a task
 * would ignore them too. env(1) of GNU coreutils can change it, from 8.31. Elsewhere the launcher is started in the
 * foreground by a program that does not stay; it then becomes a child of the machine's first process.
 *
 * Shells keep each job that has ended until it has been told of, and look through all of them at each start.
 */
const script = (words: OpenerWords) => {
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

/** The worker's side of the dialogue with the shell. */
interface Closable {
  close(): void;
}

/**
 * A shell beside the worker that starts the processes of namespaces.
 *
 * The worker could start them itself. But when Node starts a program, the kernel copies Node's page tables, and then each
 * page that Node writes to. With a worker's memory that blocks it for several milliseconds. A shell is small.
 *
 * The shell ends with the worker, and does not keep the worker's process alive.
 */
export class Opener {
  /** Whether its runs have a pipe for standard error. */
  readonly separateErrors: boolean;
  /** The words that {@link OpenerWords.terminal} are. */
  readonly terminal: string;
  /** The shell that they are for, and what starts it. */
  readonly shell: readonly string[];
  readonly #words: readonly string[];
  readonly #searchPath: string;
  #running: AnsweringShell | undefined;
  /** Settles when the pipes of the last run are closed. */
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param shell a POSIX shell, and what starts it
   * @param words what it starts
   * @param searchPath for the programs that those programs start
   */
  constructor(shell: readonly string[], words: OpenerWords, searchPath: string) {
    this.#words = [...shell, '-c', script(words), 'opener'];
    this.#searchPath = searchPath;
    this.terminal = words.terminal;
    this.shell = shell;
    this.separateErrors = words.separateErrors ?? false;
  }

  /**
   * Makes the pipes of a run, starts the first process of its namespace, and a launcher that enters it after the first
   * line that it reads.
   *
   * @param mark by which both are known
   * @param take opens the worker's ends of {@link PIPES}, which are descriptors of the process that it is given
   * @param given words for this run alone, without spaces
   * @returns those ends, and the pid of the program that makes the namespace
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
      // Node learns of an end slightly later than the kernel.
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
