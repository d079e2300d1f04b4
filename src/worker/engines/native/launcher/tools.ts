import { accessSync, constants, realpathSync } from 'node:fs';
import path from 'node:path';
import { inheritable } from './descriptors.ts';

/**
 * Programs that the engine itself uses, as absolute paths. They come from the worker's search path, never from a task's.
 * Undefined where the machine lacks the program.
 */
export interface Tools {
  /** The worker's own search path. */
  readonly searchPath: string;
  readonly shell: string;
  /** Starts a program without descriptors that the worker has inherited. */
  readonly closing: readonly string[];
  /** The kind of the shell, if known. */
  readonly shellKind: 'dash' | 'busybox' | 'other';
  readonly env: string;
  /** Whether env(1) has the option -S: not in busybox. */
  readonly envExpands: boolean;
  readonly mkfifo: string | undefined;
  readonly mount: string | undefined;
  readonly nice: string;
  readonly nsenter: string | undefined;
  readonly setpriv: string | undefined;
  readonly setsid: string | undefined;
  readonly umount: string | undefined;
  readonly unshare: string | undefined;
}

/** @throws Error naming a required program that is missing */
export function findTools(shell: string, searchPath: string): Tools {
  const find = (name: string) =>
    searchPath
      .split(':')
      .filter(folder => path.isAbsolute(folder))
      .map(folder => path.join(folder, name))
      .find(isExecutable);
  const need = (name: string) => {
    const found = find(name);
    if (found === undefined)
      throw new Error(`The native engine needs the program ${name}, which is not in ${searchPath}`);
    return found;
  };
  const env = need('env');
  return {
    searchPath,
    shell,
    closing: closing(inheritable(), find('bash'), find('busybox')),
    shellKind: (['dash', 'busybox'] as const).find(kind => kind === programOf(shell)) ?? 'other',
    env,
    envExpands: programOf(env) !== 'busybox',
    mkfifo: find('mkfifo'),
    mount: find('mount'),
    nice: need('nice'),
    nsenter: find('nsenter'),
    setpriv: find('setpriv'),
    setsid: find('setsid'),
    umount: find('umount'),
    unshare: find('unshare'),
  };
}

/** dash can close descriptors of one digit only. */
function closing(
  descriptors: readonly number[],
  bash: string | undefined,
  busybox: string | undefined,
): string[] {
  if (descriptors.length === 0) return [];
  const script = `exec ${descriptors.map(fd => `${fd}<&-`).join(' ')}; exec "$@"`;
  // Without --norc, bash reads a file of the user when its standard input is a socket, as Node's are.
  if (bash !== undefined) return [bash, '--norc', '--noprofile', '-c', script, 'closing'];
  return busybox === undefined ? [] : [busybox, 'sh', '-c', script, 'closing'];
}

/** The file name behind links: busybox and others are many programs in one file. */
function programOf(file: string): string {
  try {
    return path.basename(realpathSync(file));
  } catch {
    return path.basename(file);
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
