import { accessSync, constants, realpathSync } from 'node:fs';
import path from 'node:path';

/**
 * What the engine itself uses of the machine. Programs are absolute paths; they come from the worker's search path, never
 * from a task's, and are undefined when the machine does not have them.
 */
export interface Tools {
  /** The worker's own search path. */
  readonly searchPath: string;
  readonly shell: string;
  /** Whether the shell adds nothing to the environment that it can not take away again: it is dash. */
  readonly shellIsPlain: boolean;
  readonly env: string;
  readonly mkfifo: string | undefined;
  readonly mount: string | undefined;
  readonly nice: string;
  readonly nsenter: string | undefined;
  readonly setpriv: string | undefined;
  readonly setsid: string | undefined;
  readonly umount: string | undefined;
  readonly unshare: string | undefined;
}

/** @throws Error naming a program that the engine cannot do without */
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
  return {
    searchPath,
    shell,
    shellIsPlain: isDash(shell),
    env: need('env'),
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

function isDash(shell: string): boolean {
  try {
    return path.basename(realpathSync(shell)) === 'dash';
  } catch {
    return false;
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
