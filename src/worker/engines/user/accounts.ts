import { readFileSync, writeFileSync } from 'node:fs';
import { machineGroups } from '../../files/machine-groups.ts';

/** Longest login name. LOGIN_NAME_MAX allows more, but tools that print tables do not. */
const LONGEST_NAME = 20;

/** A user as in the system's files. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly home: string;
  /** Names of supplementary groups. */
  readonly groups: readonly string[];
}

/** The name of a run's user: `task_<beginning of the task's id>_<runId>`, in lower case, as useradd(8) wants it. */
export function accountName(runName: string | undefined, uid: number): string {
  const [, taskId, runId] = /^task_([\w-]+)_(\d+)$/.exec(runName ?? '') ?? [];
  if (taskId === undefined || runId === undefined) return `task_${uid}`;
  const part = taskId.slice(0, LONGEST_NAME - 'task_'.length - `_${runId}`.length);
  return `task_${part.toLowerCase()}_${runId}`;
}

/**
 * Writes the run's copies of /etc/passwd and /etc/group, with one more user. The files are mounted already, so they are
 * overwritten and not replaced.
 */
export function writeAccount({ name, uid, home, groups }: Account, files: AccountFiles): void {
  if (uid === 0) {
    // Root already has a name.
    writeFileSync(files.passwd, readFileSync('/etc/passwd'));
    writeFileSync(files.group, readFileSync('/etc/group'));
    return;
  }
  // No password. With `x`, some programs would look for it in /etc/shadow.
  const user = [name, '*', uid, uid, 'Taskcluster task', home, '/bin/sh'].join(':');
  if (/[\n:]/.test(home)) throw new Error(`no user can have the home ${JSON.stringify(home)}`);
  writeFileSync(files.passwd, withLine(readFileSync('/etc/passwd', 'utf8'), user));
  const wanted = new Set(groups);
  const lines = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .map(line => {
      const [group = '', , , members] = line.split(':');
      if (!wanted.has(group)) return line;
      return members === '' ? `${line}${name}` : `${line},${name}`;
    });
  writeFileSync(files.group, withLine(lines.join('\n'), `${name}:*:${uid}:`));
}

export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

function withLine(text: string, line: string): string {
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`;
}

/** @throws Error for an unknown group */
export function groupIds(names: readonly string[]): number[] {
  const groups = machineGroups();
  return names.map(name => {
    const gid = groups.get(name);
    if (gid !== undefined) return gid;
    throw new Error(`osGroups: this machine has no group ${JSON.stringify(name)}`);
  });
}
