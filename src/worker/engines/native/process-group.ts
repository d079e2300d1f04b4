import { setTimeout as sleep } from 'node:timers/promises';
import type { Enclosure, Entrance } from './enclosure.ts';
import { SANDBOX } from './mark.ts';
import { withNewKeeper, type Keeper } from './keeper.ts';
import { MemberSearch } from './member-search.ts';
import { isRunning } from './process-table.ts';
import type { OutputPipe } from './output-pipe.ts';
import type { Tools } from './tools.ts';

/**
 * Ends the processes of a run when the worker is gone, which it learns by the end of its standard input.
 *
 * The worker writes a line for each process group that a command leads, when it begins and when it is empty, and
 * `done` when none is left. On Linux the watchdog then also looks for the mark, and stops all that it finds before it
 * kills them, so that none is born meanwhile.
 */
const WATCHDOG = `
  trap '' HUP INT QUIT TERM
  "$2" -m 600 "$3" || exit 1
  echo ready
  exec >/dev/null 2>&1
  groups=' '
  while read -r word group; do
    case $word in
      entered) groups="$groups$group " ;;
      left) groups="\${groups%% $group *} \${groups#* $group }" ;;
      done) exit 0 ;;
    esac
  done
  for group in $groups; do kill -s KILL -- "-$group"; done
  marked() {
    for file in $(grep -lF "$1" /proc/[0-9]*/environ); do
      file=\${file#/proc/}
      printf '%s ' "\${file%/environ}"
    done
  }
  [ -r /proc/self/environ ] || exit 0
  while found=$(marked "$@"); [ -n "$found" ]; do
    kill -s STOP $found
    kill -s KILL $(marked "$@")
    sleep 1
  done`;

/**
 * Makes what holds one run together where PID namespaces can not be had.
 *
 * @param mark by which the run's processes are known, different for each run
 */
export async function openProcessGroups(mark: string, tools: Tools): Promise<Enclosure> {
  const words = [tools.shell, '-c', WATCHDOG, 'watchdog', `${SANDBOX}=${mark}`, tools.mkfifo];
  return await withNewKeeper(
    words,
    tools.searchPath,
    mark,
    (keeper, pipe) => new ProcessGroups(keeper, pipe, mark),
  );
}

class ProcessGroups implements Enclosure {
  readonly entrance: Entrance;
  readonly pipe: OutputPipe;
  readonly #watchdog: Keeper;
  readonly #search: MemberSearch;
  #over = false;
  #killed: Promise<void> | undefined;

  constructor(watchdog: Keeper, pipe: OutputPipe, mark: string) {
    this.#watchdog = watchdog;
    this.pipe = pipe;
    this.#search = new MemberSearch([`${SANDBOX}=${mark}`], watchdog.pid);
    this.entrance = { enter: [], descriptors: [], launch: '', mark: { [SANDBOX]: mark } };
    void watchdog.ended.then(() => {
      this.#over = true;
    });
  }

  get over(): boolean {
    return this.#over || !isRunning(this.#watchdog.pid);
  }

  entered(leader: number): void {
    this.#search.leaders.add(leader);
    this.#search.groups.add(leader);
    this.#watchdog.tell(`entered ${leader}`);
  }

  left(leader: number): void {
    this.#search.leaders.delete(leader);
    // A group that is empty is forgotten: its number may become another process's.
    if (signal(-leader, 0) === 'gone') {
      this.#search.groups.delete(leader);
      this.#watchdog.tell(`left ${leader}`);
    }
  }

  async anyAlive(): Promise<boolean> {
    return (await this.#search.members()).length > 0;
  }

  async terminate(): Promise<void> {
    // The shells that only wait for a command end by themselves.
    const stopped = await this.#stopAll(this.#search.leaders);
    for (const pid of stopped) signal(pid, 'SIGTERM');
    for (const pid of stopped) signal(pid, 'SIGCONT');
  }

  kill(): Promise<void> {
    this.#killed ??= this.#kill();
    return this.#killed;
  }

  async #kill(): Promise<void> {
    for (let pause = 1; ; pause = Math.min(2 * pause, 32)) {
      const stopped = await this.#stopAll();
      if (stopped.length === 0) break;
      const refused = stopped.filter(pid => signal(pid, 'SIGKILL') === 'refused');
      if (refused.length === stopped.length) {
        throw new Error(`Processes that belong to another user can not be ended: ${refused.join(', ')}`);
      }
      await sleep(pause);
    }
    this.#watchdog.tell('done');
    await this.#watchdog.ended;
    this.#watchdog.release();
  }

  /**
   * Stops members until no look finds a new one, so that none forks away from the signal that follows.
   *
   * @param except members that go on
   */
  async #stopAll(except: ReadonlySet<number> = new Set()): Promise<number[]> {
    const stopped = new Set<number>();
    for (;;) {
      const members = await this.#search.members();
      const fresh = members.map(({ pid }) => pid).filter(pid => !stopped.has(pid) && !except.has(pid));
      if (fresh.length === 0) return [...stopped];
      for (const pid of fresh) {
        signal(pid, 'SIGSTOP');
        stopped.add(pid);
      }
    }
  }
}

/** Sends a signal, and says what came of it. */
export function signal(pid: number, name: NodeJS.Signals | 0): 'sent' | 'gone' | 'refused' {
  try {
    process.kill(pid, name);
    return 'sent';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'refused' : 'gone';
  }
}
