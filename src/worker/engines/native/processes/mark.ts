import { randomBytes } from 'node:crypto';
import { ownLife } from '../../processes/index.ts';

/** The variable that identifies the processes of a run without a PID namespace. */
export const SANDBOX = 'TCW_SANDBOX';

/** The variable that identifies the programs beside a run, and the first process of its namespace. */
export const KEEPER = 'TCW_KEEPER';

/** A mark for one run that nobody can guess. It begins with the identity of the worker's process (engines/processes/life.ts). */
export function newMark(): string {
  return `${ownLife()}-${randomBytes(16).toString('hex')}`;
}

/** Whether a text has the form of `newMark`. */
export function isMark(word: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{8}-\d{1,10}-\d{1,20}-[0-9a-f]{32}$/.test(word);
}
