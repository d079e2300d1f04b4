import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { isCode } from '../../../files/is-code.ts';
import { NoUserLeft, type UidRange } from '../user-ids.ts';

/**
 * Assigns user numbers, none twice until the machine restarts. For each number it creates a file, which only one worker
 * can do.
 */
export class MacUserIds {
  readonly #folder: string;
  readonly #range: UidRange;

  /**
   * @param folder shared by all workers with this range; only root can write to it
   * @param boot differs after each start of the machine
   */
  constructor(folder: string, boot: string, range: UidRange) {
    const name = `used-${boot}`;
    this.#folder = `${folder}/${name}`;
    this.#range = range;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    for (const old of readdirSync(folder)) {
      if (old.startsWith('used-') && old !== name)
        rmSync(`${folder}/${old}`, { recursive: true, force: true });
    }
  }

  /** @throws NoUserLeft when none is left; Error of the system */
  take(): number {
    const { first, last } = this.#range;
    for (let uid = first + readdirSync(this.#folder).length; uid <= last; uid++) {
      try {
        writeFileSync(`${this.#folder}/${uid}`, '', { flag: 'wx' });
        return uid;
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw error;
      }
    }
    throw new NoUserLeft(this.#range);
  }
}
