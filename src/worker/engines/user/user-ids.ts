import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { ownLife, readProcFile } from '../processes/index.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;

/** A range of user numbers, which are also group numbers. */
export interface UidRange {
  readonly first: number;
  readonly last: number;
}

/** A task has used every user of the range. None is reused until the machine restarts. */
export class NoUserLeft extends Error {
  override readonly name = 'NoUserLeft';
  readonly code = 'ENOUSER';

  constructor({ first, last }: UidRange) {
    super(
      `all users of taskUserIds (${first}-${last}) have been used since this machine started. Start it again, or widen the range`,
    );
  }
}

/** The largest number that the system does not reserve. */
const LARGEST_UID = 2 ** 32 - 3;

/**
 * Parses a range such as `65536-99999`.
 *
 * @throws Error for anything else, and for a range with users of the machine
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

/** The machine's users in the range, except those that workers made. */
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
 * Assigns user numbers, none twice until the machine restarts: a file that a user left must not belong to a later one.
 *
 * The length of a file counts the assigned numbers; each adds one byte. The system appends and reports the position
 * atomically, so any number of workers can do this at the same time, and no sudden death leaves it half done.
 */
export class UserIds {
  readonly #file: string;
  readonly #range: UidRange;

  /** @param folder shared by all workers with this range; only root can write to it */
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

  /** Appends one byte, and returns its position. */
  #count(): number {
    const descriptor = openSync(this.#file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      writeSync(descriptor, '.');
      const info = readProcFile(`/proc/self/fdinfo/${descriptor}`) ?? '';
      const count = Number(/^pos:\s+(\d+)$/m.exec(info)?.[1]);
      if (count > 0) return count;
      throw new Error(`the length of ${this.#file} is unknown`);
    } finally {
      closeSync(descriptor);
    }
  }
}
