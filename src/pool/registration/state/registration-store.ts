import type { Note } from '../../note.ts';
import { stateOf, stateText, type RegistrationState } from './registration-state.ts';
import { readPrivateFile, replacementOf } from './state-file.ts';

/** Keeps a registration across restarts. */
export interface RegistrationStore {
  readonly file: string;
  /** Reads the registration of an earlier start. If it cannot be used, that is logged. */
  read(): Promise<RegistrationState | undefined>;
  /** Logs why the registration in the file is not used. @param problem completes "it …" */
  ignored(problem: string): void;
  /** Reserves disk space for the next registration before it is known. @throws a system error */
  next(): Promise<NextState>;
  /** Does the same as `next` and its `keep`, but never throws. */
  keep(state: RegistrationState): Promise<void>;
}

/** A place for the next registration, before it is known. */
export interface NextState extends AsyncDisposable {
  /** Writes the registration. A failure is logged, and the registration is used anyway. */
  keep(state: RegistrationState): Promise<void>;
}

export function registrationStore(file: string, note: Note): RegistrationStore {
  const ignored = (problem: string) => {
    note('warn', `registrationFile ${file} is not used: it ${problem}`);
  };
  const unwritten = (err: unknown) => {
    note('error', `registrationFile ${file} cannot be written: a restart will not find the new credentials`, {
      err,
    });
  };
  const next = async (): Promise<NextState> => {
    const replacement = await replacementOf(file);
    return {
      keep: state => replacement.commit(stateText(state)).catch(unwritten),
      [Symbol.asyncDispose]: () => replacement[Symbol.asyncDispose](),
    };
  };
  return {
    file,
    ignored,
    read: async () => {
      const read = await readPrivateFile(file);
      if (read.kind === 'none') return undefined;
      if (read.kind === 'unusable') {
        ignored(read.problem);
        return undefined;
      }
      if (read.wasReadable) note('warn', `other users could read registrationFile ${file}; now they cannot`);
      const state = stateOf(read.text);
      if (!state) ignored('does not contain a registration');
      return state;
    },
    next,
    keep: async state => {
      try {
        await using place = await next();
        await place.keep(state);
      } catch (error) {
        unwritten(error);
      }
    },
  };
}
