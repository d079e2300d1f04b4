// The macOS commands that the engine uses. These are pure functions, so that tests can compare them with a transcript.
// See dscl(1), dseditgroup(8), launchctl(1), sudo(8), pgrep(1) and sysctl(8) of macOS.

/** A program and its arguments. */
export type CommandLine = readonly [program: string, ...args: string[]];

/** A user that the engine creates for one run. The user's group has the same name and number. */
export interface MacAccount {
  readonly name: string;
  readonly uid: number;
  readonly home: string;
}

const DSCL = '/usr/bin/dscl';
const LAUNCHCTL = '/bin/launchctl';
const SUDO = '/usr/bin/sudo';

/** Creates the user's group, then the user. The first command for each creates a record that already has its number. */
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

/** Prints a line such as `UniqueID: 65536`, or fails with {@link NOT_FOUND}. */
export function readUid(name: string): CommandLine {
  return [DSCL, '.', '-read', `/Users/${name}`, 'UniqueID'];
}

/** Prints a line such as `PrimaryGroupID: 65536`, or fails with {@link NOT_FOUND}. */
export function readGid(group: string): CommandLine {
  return [DSCL, '.', '-read', `/Groups/${group}`, 'PrimaryGroupID'];
}

/** dscl's error for a user or group that does not exist. */
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

/** Parses the output of {@link readUid} or {@link readGid}. */
export function idIn(stdout: string): number | undefined {
  const [, id] = /^(?:UniqueID|PrimaryGroupID):\s+(\d+)$/m.exec(stdout) ?? [];
  return id === undefined ? undefined : Number(id);
}

/** Prints a line for each user with the name and the number. */
export function listUsers(): CommandLine {
  return [DSCL, '.', '-list', '/Users', 'UniqueID'];
}

/** Parses the output of {@link listUsers}. */
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

/** Parses the names of groups in the output of {@link findGroups}, such as `staff\t\tGroupMembership = (`. */
export function groupsIn(stdout: string): readonly string[] {
  return [...stdout.matchAll(/^(\S+)\s+GroupMembership = /gm)].map(([, name = '']) => name);
}

export function addToGroup(user: string, group: string): CommandLine {
  return ['/usr/sbin/dseditgroup', '-o', 'edit', '-a', user, '-t', 'user', group];
}

export function removeFromGroup(user: string, group: string): CommandLine {
  return ['/usr/sbin/dseditgroup', '-o', 'edit', '-d', user, '-t', 'user', group];
}

/** Removes the variables that sudo adds, and redirects errors to the output, so that both stay in order. */
const START = `unset SUDO_COMMAND SUDO_GID SUDO_UID SUDO_USER
cd -- "$1" && shift && exec "$@" 2>&1`;

/**
 * Runs a command as the user and in the user's own launchd domain. The environment is that of the process that runs
 * this command line. It is not passed as arguments, because every user of the machine can read those.
 */
export function runAs({ name, uid, home }: MacAccount, argv: readonly string[]): CommandLine {
  const asUser = [SUDO, '-n', '-E', '-u', name, '--', '/bin/sh', '-c', START, 'task', home, ...argv];
  return [LAUNCHCTL, 'asuser', String(uid), ...asUser];
}

/** Ends the user's launchd domain, with the agents that launchd would restart. Fails if there is no domain. */
export function endDomain(uid: number): CommandLine {
  return [LAUNCHCTL, 'bootout', `user/${uid}`];
}

/** Sends a signal to all processes of the user at once, by kill(2) with -1 as the user. Fails if there are none. */
export function signalAll(user: string, signal: 'TERM' | 'CONT' | 'KILL'): CommandLine {
  return [SUDO, '-n', '-u', user, '--', '/bin/kill', `-${signal}`, '-1'];
}

/** Kills a user's processes one by one as root, because only root can kill programs that change their user. */
export function killEach(uid: number): CommandLine {
  return ['/usr/bin/pkill', '-KILL', '-U', String(uid)];
}

/** Prints the pids of a user's processes. Exits with 1 if there are none. */
export function listProcesses(uid: number): CommandLine {
  return ['/usr/bin/pgrep', '-U', String(uid)];
}

/** Prints an identifier of the machine's boot, which differs after each start. */
export function readBoot(): CommandLine {
  return ['/usr/sbin/sysctl', '-n', 'kern.bootsessionuuid'];
}
