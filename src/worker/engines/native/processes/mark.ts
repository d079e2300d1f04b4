import { randomBytes } from 'node:crypto';
import { ownLife } from '../../processes/index.ts';

/** The variable by which the processes of a run are known where there is no PID namespace. */
export const SANDBOX = 'TCW_SANDBOX';

/** The variable by which the programs beside a run are known, and the first process of its namespace. */
export const KEEPER = 'TCW_KEEPER';

/** A word for one run, which nobody can guess. It begins with that of the worker's process (life.ts). */
export function newMark(): string {
  return `${ownLife()}-${randomBytes(16).toString('hex')}`;
}

/** Whether a word can have been made by `newMark`. */
export function isMark(word: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{8}-\d{1,10}-\d{1,20}-[0-9a-f]{32}$/.test(word);
}
