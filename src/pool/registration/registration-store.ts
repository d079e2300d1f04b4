import type { Note } from '../note.ts';
import { stateOf, stateText, type RegistrationState } from './registration-state.ts';
import { readPrivateFile, replacementOf } from './state-file.ts';

/** Where a registration is kept over restarts. */
export interface RegistrationStore {
  readonly file: string;
  /** The registration of an earlier start. What cannot be used is told. */
  read(): Promise<RegistrationState | undefined>;
  /** Says why the registration that was read is not used. @param problem follows "it" */
  ignored(problem: string): void;
  /** Makes room for the next one, before it is known. @throws Error of the system */
  next(): Promise<NextState>;
  /** The same as `next` and its `keep`; never throws. */
  keep(state: RegistrationState): Promise<void>;
}

/** The next registration, before it is known. */
export interface NextState extends AsyncDisposable {
  /** Writes it. One that cannot be written is told, and used all the same. */
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
      if (!state) ignored('holds no registration');
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
