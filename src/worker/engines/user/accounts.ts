import { readFileSync, writeFileSync } from 'node:fs';
import { machineGroups } from '../../files/machine-groups.ts';

/** Login names are this long at most (LOGIN_NAME_MAX has more; tools that print tables have less). */
const LONGEST_NAME = 20;

/** A user as the files of the system describe one. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly home: string;
  /** The names of further groups. */
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
 * Writes what the run sees as the machine's files of users and groups: those, with one user more. They are mounted where the
 * run looks for them, so that they are written to and not replaced.
 */
export function writeAccount({ name, uid, home, groups }: Account, files: AccountFiles): void {
  if (uid === 0) {
    // It has a name already.
    writeFileSync(files.passwd, readFileSync('/etc/passwd'));
    writeFileSync(files.group, readFileSync('/etc/group'));
    return;
  }
  // Without a password: with `x` in its place, some programs would look for it in /etc/shadow.
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

/** @throws Error for a group that the machine does not have */
export function groupIds(names: readonly string[]): number[] {
  const groups = machineGroups();
  return names.map(name => {
    const gid = groups.get(name);
    if (gid !== undefined) return gid;
    throw new Error(`osGroups: this machine has no group ${JSON.stringify(name)}`);
  });
}
