import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { ownLife, readProcFile } from '../processes/index.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;

/** Numbers of users, which are numbers of groups, too. */
export interface UidRange {
  readonly first: number;
  readonly last: number;
}

/** Every user of the range was some task's. None is used again before the machine starts again. */
export class NoUserLeft extends Error {
  override readonly name = 'NoUserLeft';
  readonly code = 'ENOUSER';

  constructor({ first, last }: UidRange) {
    super(
      `all users of taskUserIds (${first}-${last}) have been used since this machine started. Start it again, or widen the range`,
    );
  }
}

/** The largest number that is not reserved by the system. */
const LARGEST_UID = 2 ** 32 - 3;

/**
 * Reads a range such as `65536-99999`.
 *
 * @throws Error for anything else, and for a range in which the machine has users
 */
export function uidRange(text: string): UidRange {
  const [, from, to] = /^(\d{1,10})-(\d{1,10})$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (!(first >= 1_000 && last >= first && last <= LARGEST_UID)) {
    throw new Error(
      `taskUserIds: ${JSON.stringify(text)} must be two numbers from 1000 on, such as 65536-99999`,
    );
  }
  const taken = accountsIn({ first, last })[0];
  if (taken !== undefined) {
    throw new Error(`taskUserIds: the machine has a user in ${text}: ${taken}. Name a range that is free`);
  }
  return { first, last };
}

/** The machine's own users with such a number, but for those that a worker has made. */
function accountsIn({ first, last }: UidRange): string[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .flatMap(line => {
      const [name = '', , uid] = line.split(':');
      const isIn = Number(uid) >= first && Number(uid) <= last;
      return isIn && !name.startsWith('task_') ? [`${name} (${uid})`] : [];
    });
}

/**
 * Gives out numbers of users, none twice while the machine is up: what a user has left somewhere must not become the next
 * one's. A start of the machine begins again.
 *
 * The length of a file, to which each number given adds one byte, is how many were given. The system adds to a file at
 * its end and tells where that was, in one step, so that any number of workers can do so at the same time, and none can die
 * half-way.
 */
export class UserIds {
  readonly #file: string;
  readonly #range: UidRange;

  /** @param folder which all workers share that use the range; only root can write to it */
  constructor(folder: string, range: UidRange) {
    this.#file = `${folder}/used-${ownLife().split('-')[0] ?? ''}`;
    this.#range = range;
  }

  /** @throws NoUserLeft when none is left; Error of the system */
  take(): number {
    const { first, last } = this.#range;
    const uid = first + this.#count() - 1;
    if (uid <= last) return uid;
    throw new NoUserLeft(this.#range);
  }

  /** Adds one byte, and tells which one that was. */
  #count(): number {
    const descriptor = openSync(this.#file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      writeSync(descriptor, '.');
      const info = readProcFile(`/proc/self/fdinfo/${descriptor}`) ?? '';
      const count = Number(/^pos:\s+(\d+)$/m.exec(info)?.[1]);
      if (count > 0) return count;
      throw new Error(`the system does not tell how long ${this.#file} is`);
    } finally {
      closeSync(descriptor);
    }
  }
}
