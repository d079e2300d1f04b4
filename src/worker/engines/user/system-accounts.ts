import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Account } from './accounts.ts';

const run = promisify(execFile);

/** Time limit for each program, in ms: each waits up to 15 s for the lock of another. */
const PATIENCE_MS = 60_000;
const TRIES = 5;
const PAUSE_MS = 200;
/**
 * Exit codes of useradd(8) and similar programs when the files are locked, and of userdel(8) when a killed process of
 * the user still exists.
 */
const BUSY = new Set([1, 8, 10]);

/** One at a time: the programs lock the machine's files, and some fail immediately if the files are locked. */
let last: Promise<unknown> = Promise.resolve();

/** Adds a user to the machine's own files, for tasks that need PAM, sudoers or services of the machine. */
export function addAccount({ name, uid, home, groups }: Account): Promise<void> {
  return oneAtATime(async () => {
    await changed('groupadd', ['--gid', String(uid), name]);
    const more = groups.length > 0 ? ['--groups', groups.join(',')] : [];
    // Its entry in the log of last logins would create a huge sparse file.
    const words = ['--no-log-init', '--no-create-home', '--home-dir', home, '--shell', '/bin/sh', ...more];
    try {
      await changed('useradd', ['--uid', String(uid), '--gid', String(uid), ...words, name]);
    } catch (error) {
      await changed('groupdel', [name]).catch(() => undefined);
      throw error;
    }
  });
}

/**
 * Removes a user whose processes are all dead. A user with the same name and another number is not tcw's and is not
 * removed.
 */
export function removeAccount({ name, uid }: Pick<Account, 'name' | 'uid'>): Promise<void> {
  return oneAtATime(async () => {
    if (idOf('/etc/passwd', name) !== uid) return removeGroup(name, uid);
    // Otherwise the next user of this name would inherit the crontab.
    await run('crontab', ['-u', name, '-r'], { timeout: PATIENCE_MS }).catch(() => undefined);
    await changed('userdel', [name]);
    await removeGroup(name, uid);
  });
}

/** Removes the group, which goes with the user only where USERGROUPS_ENAB is set. */
async function removeGroup(name: string, gid: number): Promise<void> {
  if (idOf('/etc/group', name) === gid) await changed('groupdel', [name]);
}

/** Whether the machine has a user or a group of this name. */
export function isNameTaken(name: string): boolean {
  return ['/etc/passwd', '/etc/group'].some(file => idOf(file, name) !== undefined);
}

/** The number of a name in one of the machine's files. */
function idOf(file: string, name: string): number | undefined {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find(each => each.startsWith(`${name}:`));
  return line === undefined ? undefined : Number(line.split(':')[2]);
}

async function changed(program: string, words: readonly string[]): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await run(program, words, { timeout: PATIENCE_MS });
      return;
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (tries === TRIES || typeof code !== 'number' || !BUSY.has(code)) throw error;
      await sleep(PAUSE_MS * tries);
    }
  }
}

function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work);
  last = result.catch(() => undefined);
  return result;
}
