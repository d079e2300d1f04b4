import { execFileSync } from 'node:child_process';
import { chownSync, linkSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { macFiles } from '../../../src/worker/engines/user/mac/files.ts';
import { userProcesses } from '../../../src/worker/engines/user/mac/processes.ts';
import { macUserEngine } from '../../../src/worker/engines/user/mac/user-engine.ts';
import { MacUserIds } from '../../../src/worker/engines/user/mac/user-ids.ts';
import { runAs } from '../../../src/worker/engines/user/mac/commands.ts';
import { closeSource } from '../../../src/worker/files/file-source.ts';
import { makeRunFolder } from '../../../src/worker/files/run-folder.ts';
import { Log } from '../native-fixtures.ts';
import { canBeUsers, openFolder } from '../user-fixtures.ts';
import { transcript } from './transcript.ts';

const UID = 1_999_000;
const USER_IDS = `${UID}-${UID + 9}`;
const RUN = 'task_AbC3-x_fQ2WnC9rs7T1u1A_0';
/** 20 characters, in lower case. */
const NAME = 'task_abc3-x_fq2wnc_0';

/** An engine on transcripts, and the folder of one run. */
async function engineOf(names: readonly string[], name = NAME) {
  const tasksDir = openFolder();
  const home = await makeRunFolder(path.join(tasksDir, 'run'));
  const values = { name, taken: NAME, uid: String(UID), home: home.path };
  const { executor, environments } = transcript(names, values);
  const start = () => macUserEngine({ tasksDir, userIds: USER_IDS, executor });
  return { start, home, environments };
}

// Only root can give the run's folder to its user.
describe.skipIf(!canBeUsers)('the user engine on macOS, with recorded commands', () => {
  it('runs a command as a new user in its launchd domain, and deletes the user', async () => {
    const { start, home, environments } = await engineOf([
      'start',
      'create',
      'command',
      'nothing-runs',
      'nothing-runs',
      'remove',
    ]);
    const engine = await start();
    const traces: string[] = [];
    const user = await engine.makeUser({ home, runName: RUN, keep: trace => traces.push(trace) });
    expect(user).toMatchObject({ name: NAME, uid: UID, gid: UID });
    expect(statSync(home.path)).toMatchObject({ uid: UID, gid: UID, mode: 0o40700 });
    const sandbox = await engine.open({ home, user });
    const output = new Log();
    const env = { SECRET: 'by the environment, which other users cannot see' };
    const { exitCode } = await sandbox.run({ argv: ['/bin/echo', 'a b'], env, output });
    expect([exitCode, output.text]).toEqual([3, 'a b\n']);
    expect(environments).toEqual([env]);
    await sandbox.close();
    await user[Symbol.asyncDispose]();
    expect(traces).toEqual([`mac-user:${NAME}:${UID}`]);
  });

  it('adds the user to osGroups, and removes the user from them again', async () => {
    const { start, home } = await engineOf([
      'start',
      'create-with-groups',
      'nothing-runs',
      'remove-from-groups',
    ]);
    const engine = await start();
    const user = await engine.makeUser({ home, runName: RUN, groups: ['staff', '_developer'] });
    await user[Symbol.asyncDispose]();
  });

  it('refuses a group that the machine lacks before it creates a user', async () => {
    const { start, home } = await engineOf(['start', 'create-unknown-group']);
    const engine = await start();
    await expect(engine.makeUser({ home, runName: RUN, groups: ['nosuch'] })).rejects.toThrow(
      'osGroups: this machine has no group "nosuch"',
    );
  });

  it('names a user by its uid if the usual name is taken', async () => {
    const { start, home } = await engineOf(['start', 'create-name-taken'], `task_${UID}`);
    const engine = await start();
    expect(await engine.makeUser({ home, runName: RUN })).toMatchObject({ name: `task_${UID}` });
  });

  it('leaves nothing of a user that could not be created, and reports which command failed', async () => {
    const { start, home } = await engineOf(['start', 'create-refused-half-way']);
    const engine = await start();
    await expect(engine.makeUser({ home, runName: RUN })).rejects.toThrow(
      `/usr/bin/dscl . -create /Users/${NAME} UniqueID ${UID} failed with exit code 40: <main> attribute status: eDSPermissionError`,
    );
  });

  it('reports a user that cannot be deleted, and tries again', async () => {
    const { start, home } = await engineOf([
      'start',
      'create',
      'nothing-runs',
      'remove-refused',
      'nothing-runs',
      'remove',
    ]);
    const user = await (await start()).makeUser({ home, runName: RUN });
    await expect(user[Symbol.asyncDispose]()).rejects.toThrow('eDSPermissionError');
    await user[Symbol.asyncDispose]();
  });

  it('stops a run: each process is signalled, and what is left is killed, including launchd agents', async () => {
    const { start, home } = await engineOf(['start', 'create', 'terminate', 'kill', 'nothing-runs']);
    const engine = await start();
    const sandbox = await engine.open({ home, user: await engine.makeUser({ home, runName: RUN }) });
    await sandbox.stop(10_000);
    await sandbox.close();
  });

  it('disposes of a user that a sandbox created together with the sandbox', async () => {
    const name = `task_${UID}`;
    const { start, home } = await engineOf(
      ['start', 'create', 'nothing-runs', 'nothing-runs', 'remove'],
      name,
    );
    const sandbox = await (await start()).open({ home });
    await sandbox.close();
  });

  it('removes what a dead worker left: the processes, the user and the group', async () => {
    const { start } = await engineOf(['start', 'leftover', 'kill-without-domain', 'remove']);
    const engine = await start();
    expect(await engine.endLeftovers?.([`mac-user:${NAME}:${UID}`, 'something else'])).toBe(1);
  });

  it('removes a group whose user was never created', async () => {
    const { start } = await engineOf(['start', 'leftover-group-only']);
    expect(await (await start()).endLeftovers?.([`mac-user:${NAME}:${UID}`])).toBe(0);
  });

  it('leaves a user with the same name and another uid alone', async () => {
    const { start } = await engineOf(['start', 'leftover-of-another']);
    expect(await (await start()).endLeftovers?.([`mac-user:${NAME}:${UID}`])).toBe(0);
  });

  it('does not start if the range includes a user of the machine', async () => {
    const { start } = await engineOf(['start-user-in-range']);
    await expect(start()).rejects.toThrow(
      `taskUserIds: the machine has a user in ${USER_IDS}: build (${UID})`,
    );
  });
});

describe('processes of a user on macOS', () => {
  it('that cannot be ended are listed', async () => {
    const { executor } = transcript(['kill-in-vain'], { name: NAME, uid: String(UID) });
    await expect(userProcesses({ name: NAME, uid: UID }, executor, 0).kill()).rejects.toThrow(
      `Processes cannot be ended: 812, of the user ${NAME} (${UID})`,
    );
  });
});

describe('the script that starts a command on macOS', () => {
  it('starts it in the folder of the run, without the variables of sudo, with errors in order with the output', () => {
    const home = openFolder();
    const script = 'pwd; echo one >&2; echo "$KEPT $SUDO_USER:$1"';
    const line = runAs({ name: NAME, uid: UID, home }, ['/bin/sh', '-c', script, 'name', 'a  b']);
    const [shell = '', ...args] = line.slice(line.indexOf('/bin/sh'));
    const printed = execFileSync(shell, args, { env: { KEPT: 'kept', SUDO_USER: 'root' }, encoding: 'utf8' });
    expect(printed).toBe(`${home}\none\nkept :a  b\n`);
  });
});

describe('the uids of users on macOS', () => {
  const range = { first: 70_000, last: 70_002 };

  it('are given out once each, whichever worker asks, until the range ends', () => {
    const folder = openFolder();
    const [one, other] = [new MacUserIds(folder, 'boot', range), new MacUserIds(folder, 'boot', range)];
    expect([one.take(), other.take(), one.take()]).toEqual([70_000, 70_001, 70_002]);
    expect(() => other.take()).toThrow('all users of taskUserIds (70000-70002) have been used');
  });

  it('start again after a reboot', () => {
    const folder = openFolder();
    new MacUserIds(folder, 'one-boot', range).take();
    expect(new MacUserIds(folder, 'other-boot', range).take()).toBe(70_000);
  });
});

describe.skipIf(!canBeUsers)('files of a run on macOS that root opens', () => {
  it.each([
    ['a file of the user', 'own', 'file'],
    ['a link to a file of the user', 'link', 'file'],
    ['a file that everybody may read', 'public', 'file'],
    ['a link out of the folder', 'outside', 'outside'],
    ["a hard link to another user's file", 'hard', 'unreadable'],
    ['a path through a link to another folder', 'folder/secret', 'outside'],
  ])('%s: %s is %s', async (_, name, kind) => {
    const [home, elsewhere] = [openFolder(), openFolder()];
    const at = (file: string) => path.join(home, file);
    for (const file of ['own', 'public'])
      writeFileSync(at(file), 'x', { mode: file === 'own' ? 0o600 : 0o644 });
    chownSync(at('own'), UID, UID);
    writeFileSync(path.join(elsewhere, 'secret'), 'x', { mode: 0o644 });
    writeFileSync(path.join(elsewhere, 'hidden'), 'x', { mode: 0o600 });
    symlinkSync(at('own'), at('link'));
    symlinkSync(path.join(elsewhere, 'secret'), at('outside'));
    symlinkSync(elsewhere, at('folder'));
    linkSync(path.join(elsewhere, 'hidden'), at('hard'));
    const opened = await macFiles(home, UID).open(name);
    expect(opened.kind).toBe(kind);
    if (opened.kind === 'file') await closeSource(opened.source);
  });

  it('a walk does not list a folder behind a link', async () => {
    const [home, elsewhere] = [openFolder(), openFolder()];
    mkdirSync(path.join(elsewhere, 'private'));
    writeFileSync(path.join(elsewhere, 'private/secret-name'), 'x');
    symlinkSync(elsewhere, path.join(home, 'folder'));
    const found: string[] = [];
    for await (const file of macFiles(home, UID).walk('folder/private')) found.push(file);
    expect(found).toEqual([path.join(home, 'folder/private')]);
  });
});
