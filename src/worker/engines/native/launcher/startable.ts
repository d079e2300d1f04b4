import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import path from 'node:path';
import { CommandNotStarted, type Command } from '../../engine.ts';
import { isTooLarge } from './too-large.ts';

/** How to look up a run's programs, where the run sees other files than the worker. */
export interface View {
  /** Prefix of every path: `/proc/<pid>/root`, or empty. */
  readonly root: string;
  /** The user of the programs. Default: the worker's. */
  readonly user?: { readonly uid: number; readonly groups: readonly number[] };
}

const OWN_VIEW: View = { root: '' };

/** The system's names of its errors, as in generic-worker's log. */
const WORDS: Record<string, string> = {
  EACCES: 'permission denied',
  E2BIG: 'argument list too long',
  EINVAL: 'invalid argument',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
};

/** In addition to the system's codes. */
const NOT_ON_PATH = 'not on the path';

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException | undefined)?.code ?? '';

/**
 * The error for a program that the system would not start, as `fork/exec <program>: <reason>`; undefined for a code
 * that is not the command's fault.
 */
function notStarted(program: string, code: string): CommandNotStarted | undefined {
  const words = WORDS[code];
  return words === undefined ? undefined : new CommandNotStarted(`fork/exec ${program}: ${words}`);
}

/**
 * Checks that a command can be started, before anything is started.
 *
 * The messages are those of Go's os/exec, which generic-worker prints after "System error executing command: ".
 *
 * @param folder the folder in which the command would start
 * @param view default: the worker's own
 * @throws CommandNotStarted
 */
export async function assertStartable(
  command: Command,
  folder: string,
  view: View = OWN_VIEW,
): Promise<void> {
  const [program] = command.argv;
  if (program === undefined) throw new CommandNotStarted('exec: no command');
  if (!isWellFormed(command)) throw refusal(program, 'EINVAL');
  if (isTooLarge(command)) throw refusal(program, 'E2BIG');
  // In parallel: each check is a round trip to another thread, and commands should start quickly.
  const [folderProblem, problem] = await Promise.all([
    stat(`${view.root}${folder}`).then(found => (found.isDirectory() ? undefined : 'ENOTDIR'), codeOf),
    program.includes('/')
      ? whyNotExecutable(path.resolve(folder, program), view)
      : isOnPath(program, command.env.PATH ?? '', folder, view).then(is => (is ? undefined : NOT_ON_PATH)),
  ]);
  if (folderProblem !== undefined) {
    throw new CommandNotStarted(`chdir ${folder}: ${WORDS[folderProblem] ?? folderProblem}`);
  }
  if (problem === NOT_ON_PATH) {
    throw new CommandNotStarted(`exec: ${JSON.stringify(program)}: executable file not found in $PATH`);
  }
  if (problem !== undefined) throw refusal(program, problem);
}

function refusal(program: string, code: string): CommandNotStarted {
  return notStarted(program, code) ?? new CommandNotStarted(`fork/exec ${program}: ${code}`);
}

/** The system's strings end at a NUL byte, and a variable's name ends at the first equals sign. */
function isWellFormed({ argv, env }: Command): boolean {
  const strings = [...argv, ...Object.entries(env).flat()];
  return !strings.some(text => text.includes('\0')) && Object.keys(env).every(name => /^[^=]+$/.test(name));
}

async function isOnPath(program: string, searchPath: string, folder: string, view: View): Promise<boolean> {
  if (program === '' || searchPath === '') return false;
  // An empty entry stands for the folder in which the command starts.
  const files = searchPath.split(':').map(place => path.resolve(folder, place, program));
  return (await Promise.all(files.map(file => whyNotExecutable(file, view)))).includes(undefined);
}

async function whyNotExecutable(path: string, { root, user }: View): Promise<string | undefined> {
  const file = `${root}${path}`;
  try {
    const found = await stat(file);
    if (!found.isFile()) return 'EACCES';
    if (user) return mayExecute(found, user) ? undefined : 'EACCES';
    await access(file, constants.X_OK);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

/** Decides by the mode of the file, because root could always run it. Access control lists are left to the system. */
function mayExecute(
  { mode, uid, gid }: Stats,
  user: { readonly uid: number; readonly groups: readonly number[] },
): boolean {
  if (user.uid === 0) return (mode & 0o111) !== 0;
  if (uid === user.uid) return (mode & 0o100) !== 0;
  return (mode & (user.groups.includes(gid) ? 0o010 : 0o001)) !== 0;
}
