// The commands of macOS with which the engine works: pure functions, so that tests compare them with a transcript.
// See dscl(1), dseditgroup(8), launchctl(1), sudo(8), pgrep(1) and sysctl(8) of macOS.

/** A program and its arguments. */
export type CommandLine = readonly [program: string, ...args: string[]];

/** A user that the engine makes for one run. Its group has the same name and number. */
export interface MacAccount {
  readonly name: string;
  readonly uid: number;
  readonly home: string;
}

const DSCL = '/usr/bin/dscl';
const LAUNCHCTL = '/bin/launchctl';
const SUDO = '/usr/bin/sudo';

/** Makes the user's group, then the user. The first command for each makes a record that has its number already. */
export function createAccount({ name, uid, home }: MacAccount): readonly CommandLine[] {
  const [user, group, id] = [`/Users/${name}`, `/Groups/${name}`, String(uid)];
  const create = (path: string, ...property: string[]): CommandLine => [
    DSCL,
    '.',
    '-create',
    path,
    ...property,
  ];
  return [
    create(group, 'PrimaryGroupID', id),
    create(group, 'Password', '*'),
    create(user, 'UniqueID', id),
    create(user, 'PrimaryGroupID', id),
    create(user, 'NFSHomeDirectory', home),
    create(user, 'UserShell', '/bin/sh'),
    create(user, 'RealName', 'Taskcluster task'),
    create(user, 'Password', '*'),
    // The login window does not list the user.
    create(user, 'IsHidden', '1'),
  ];
}

export function deleteUser(name: string): CommandLine {
  return [DSCL, '.', '-delete', `/Users/${name}`];
}

export function deleteGroup(name: string): CommandLine {
  return [DSCL, '.', '-delete', `/Groups/${name}`];
}

/** Prints `UniqueID: 65536`, or fails with {@link NOT_FOUND}. */
export function readUid(name: string): CommandLine {
  return [DSCL, '.', '-read', `/Users/${name}`, 'UniqueID'];
}

/** Prints `PrimaryGroupID: 65536`, or fails with {@link NOT_FOUND}. */
export function readGid(group: string): CommandLine {
  return [DSCL, '.', '-read', `/Groups/${group}`, 'PrimaryGroupID'];
}

/** What dscl prints where a user or group does not exist. */
const NOT_FOUND = 'eDSRecordNotFound';

export function isNotFound({
  stderr,
  stdout,
}: {
  readonly stderr: string;
  readonly stdout: string;
}): boolean {
  return stderr.includes(NOT_FOUND) || stdout.includes(NOT_FOUND);
}

/** Reads the number that {@link readUid} or {@link readGid} printed. */
export function idIn(stdout: string): number | undefined {
  const [, id] = /^(?:UniqueID|PrimaryGroupID):\s+(\d+)$/m.exec(stdout) ?? [];
  return id === undefined ? undefined : Number(id);
}

/** Prints a line for each user: the name and the number. */
export function listUsers(): CommandLine {
  return [DSCL, '.', '-list', '/Users', 'UniqueID'];
}

/** Reads what {@link listUsers} printed. */
export function usersIn(stdout: string): readonly { readonly name: string; readonly uid: number }[] {
  return stdout.split('\n').flatMap(line => {
    const [, name, uid] = /^(\S+)\s+(-?\d+)$/.exec(line.trimEnd()) ?? [];
    return name === undefined ? [] : [{ name, uid: Number(uid) }];
  });
}

/** Prints the groups that list a user as a member. */
export function findGroups(user: string): CommandLine {
  return [DSCL, '.', '-search', '/Groups', 'GroupMembership', user];
}

/** Reads the names of groups that {@link findGroups} printed: `staff\t\tGroupMembership = (`. */
export function groupsIn(stdout: string): readonly string[] {
  return [...stdout.matchAll(/^(\S+)\s+GroupMembership = /gm)].map(([, name = '']) => name);
}

export function addToGroup(user: string, group: string): CommandLine {
  return ['/usr/sbin/dseditgroup', '-o', 'edit', '-a', user, '-t', 'user', group];
}

export function removeFromGroup(user: string, group: string): CommandLine {
  return ['/usr/sbin/dseditgroup', '-o', 'edit', '-d', user, '-t', 'user', group];
}

/** sudo adds its own variables; `sh` removes them, and sends the errors where the output goes, in order. */
const START = `unset SUDO_COMMAND SUDO_GID SUDO_UID SUDO_USER
cd -- "$1" && shift && exec "$@" 2>&1`;

/**
 * Runs a command in the user's own launchd domain and as the user, with the environment of the process that runs this command line:
 * arguments can be read by every user of the machine.
 */
export function runAs({ name, uid, home }: MacAccount, argv: readonly string[]): CommandLine {
  const asUser = [SUDO, '-n', '-E', '-u', name, '--', '/bin/sh', '-c', START, 'task', home, ...argv];
  return [LAUNCHCTL, 'asuser', String(uid), ...asUser];
}

/** Ends the user's launchd domain, and with it the agents that launchd would start again. It fails where there is none. */
export function endDomain(uid: number): CommandLine {
  return [LAUNCHCTL, 'bootout', `user/${uid}`];
}

/** Sends a signal to every process of the user at once, sent by the user: kill(2) with -1. It fails where there is none. */
export function signalAll(user: string, signal: 'TERM' | 'CONT' | 'KILL'): CommandLine {
  return [SUDO, '-n', '-u', user, '--', '/bin/kill', `-${signal}`, '-1'];
}

/** Kills the processes of a user one by one, sent by root: programs that change their user can be killed by root only. */
export function killEach(uid: number): CommandLine {
  return ['/usr/bin/pkill', '-KILL', '-U', String(uid)];
}

/** Prints the pids of a user's processes. The exit code is 1 where there are none. */
export function listProcesses(uid: number): CommandLine {
  return ['/usr/bin/pgrep', '-U', String(uid)];
}

/** Prints a word that is another one after each start of the machine. */
export function readBoot(): CommandLine {
  return ['/usr/sbin/sysctl', '-n', 'kern.bootsessionuuid'];
}
