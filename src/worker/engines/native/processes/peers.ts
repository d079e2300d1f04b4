import { readdirSync } from 'node:fs';
import type { Connection } from '../../engine.ts';
import type { Census } from './census.ts';
import { HolderSearch } from './holders.ts';
import { clientSocket, canListConnections } from './sockets.ts';

/** How often all members are searched: a process can pass a socket to another one during the search. */
const ATTEMPTS = 2;

/** Attributes connections to servers of this process to the processes of one run. */
export class Peers {
  readonly #census: Census;
  /** The process of the last connection: a program usually opens several. */
  #holder: number | undefined;
  /** One search at a time: a task that opens many connections delays only itself. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(census: Census) {
    this.#census = census;
  }

  /**
   * Whether a process of the run holds the other end of a connection. In doubt, no: for a connection that was broken
   * meanwhile, for a process whose descriptors its own user cannot read (setuid programs), and when somebody has replaced
   * /proc.
   */
  isPeer(connection: Connection): Promise<boolean> {
    const answer = this.#last.then(() => this.#answer(connection));
    this.#last = answer;
    return answer;
  }

  async #answer(connection: Connection): Promise<boolean> {
    try {
      const socket = connection.isOpen() ? await clientSocket(connection) : undefined;
      return socket !== undefined && (await this.#isHeld(new HolderSearch(socket)));
    } catch {
      return false;
    }
  }

  async #isHeld(search: HolderSearch): Promise<boolean> {
    for (const pid of this.#likely()) {
      await search.pause();
      if (this.#census.isMember(pid) && (await this.#holds(search, pid))) return true;
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { members } = await this.#census.count();
      for (const { pid } of members.toReversed()) {
        // Its pid may have been reused.
        if ((await this.#holds(search, pid)) && (await this.#isStill(pid))) return true;
      }
    }
    return false;
  }

  /** All processes, the most likely first: the last holder, then the newest. */
  #likely(): number[] {
    const pids = readdirSync('/proc').flatMap(name => (/^\d+$/.test(name) ? [Number(name)] : []));
    pids.sort((one, other) => other - one);
    return this.#holder === undefined ? pids : [this.#holder, ...pids];
  }

  async #holds(search: HolderSearch, pid: number): Promise<boolean> {
    if (search.exhausted || !(await search.isHeldBy(pid))) return false;
    this.#holder = pid;
    return true;
  }

  async #isStill(pid: number): Promise<boolean> {
    if (this.#census.isMember(pid)) return true;
    const { members } = await this.#census.count();
    return members.some(member => member.pid === pid);
  }
}

/**
 * Whether this machine can attribute connections.
 *
 * @param pid a process with at least the rights of a run's processes
 */
export async function canIdentifyPeers(pid: number): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  try {
    return readdirSync(`/proc/${pid}/fd`).length > 0 && (await canListConnections());
  } catch {
    return false;
  }
}
