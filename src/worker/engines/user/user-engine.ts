import { release } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { shellQuoted } from '../../../base/index.ts';
import { isCode } from '../../files/is-code.ts';
import type { Owner } from '../../files/owner.ts';
import type { Engine, SandboxOptions, UserOptions } from '../engine.ts';
import {
  endLeftovers,
  findTools,
  limitLines,
  namespaceOpener,
  NativeSandbox,
  prepareOneAhead,
  onDemand,
  pidNamespaceMethods,
  processLimit,
  type OtherUser,
  type Tools,
} from '../native/index.ts';
import { accountName, groupIds, writeAccount, type Account } from './accounts.ts';
import { closedFolder } from './closed-folder.ts';
import { UserEngineUnavailable } from './engine-unavailable.ts';
import { controlGroups, type RunLimits } from './control-groups.ts';
import { giveHome } from './give-home.ts';
import { privatePlaces, type PrivatePlaces } from './private-places.ts';
import { readyStateFolder, sweepStateFolder } from './state-folder.ts';
import { isNameTaken } from './system-accounts.ts';
import { PlacedUser } from './task-user.ts';
import { trialRun } from './trial-run.ts';
import { uidRange, UserIds } from './user-ids.ts';
import { UserFiles } from './user-files.ts';
import { UserSandbox } from './user-sandbox.ts';
import { openUserPlace, type PlaceParts, type PlaceUser } from './user-place.ts';

/** Where tasks' users are registered: in account files that only the run sees, or in the machine's own. */
export type TaskAccounts = 'private' | 'machine';

export interface UserEngineOptions {
  /** The parent of the runs' folders. */
  readonly tasksDir: string;
  /** The range of `taskUserIds`. */
  readonly userIds: string;
  readonly accounts?: TaskAccounts;
  readonly limits?: Partial<RunLimits>;
  /** Whether the next run's place is prepared in advance. Close such an engine, or the process stays. */
  readonly ahead?: boolean;
  /** Search path for the engine's own programs. Default: the worker's PATH. */
  readonly searchPath?: string;
}

export interface UserEngine extends Engine {
  makeUser(options: UserOptions): Promise<PlacedUser>;
  open(options: SandboxOptions): Promise<NativeSandbox>;
  /** Configured limits that are not available, with the reason; undefined if all are. Worth a warning. */
  readonly missingLimits: string | undefined;
}

/** The folder of tcw's code, four levels up. */
const OWN_CODE = dirname(fileURLToPath(new URL('../../../', import.meta.url)));

/**
 * Makes the engine that runs each task as its own user, in the namespaces of the native engine.
 *
 * It finds out whether this works by running a command.
 *
 * @throws Error that says what is needed
 */
export async function userEngine(options: UserEngineOptions): Promise<UserEngine> {
  const {
    tasksDir,
    userIds,
    accounts = 'private',
    ahead = false,
    searchPath = process.env.PATH ?? '',
  } = options;
  if (process.platform !== 'linux')
    throw new UserEngineUnavailable('The engine "user" needs Linux or macOS. Use engine: native');
  if (process.getuid?.() !== 0) {
    throw new UserEngineUnavailable(
      'The engine "user" needs root to create users for tasks. Run the worker as root, or use engine: native',
    );
  }
  const range = uidRange(userIds);
  const tools = findTools('/bin/sh', searchPath);
  // Only with such an env do the users of tasks run a program of the worker: Node, which restores their variables.
  const closed = tools.envExpands ? undefined : closedFolder(process.execPath);
  if (closed !== undefined) {
    throw new UserEngineUnavailable(
      `The engine "user" starts tasks with ${process.execPath}, because ${tools.env} has no option -S. The users of tasks cannot reach that file: ${closed} is closed to other users. Run "chmod o+x ${closed}", or install Node.js elsewhere`,
    );
  }
  const stateFolder = readyStateFolder(tasksDir);
  const limits = { memoryMegabytes: 0, cpus: 0, processes: 0, ...options.limits };
  const groups = controlGroups(limits);
  groups.sweep();
  await sweepStateFolder(stateFolder);
  const places = privatePlaces({
    shown: [tasksDir, OWN_CODE, dirname(process.execPath)],
    accounts: accounts === 'private',
  });
  const limit = limits.processes > 0 ? { by: 'user' as const, processes: limits.processes } : undefined;
  const opener = namespaceOpener(methodOf(tools), {
    tools,
    limit: rootLimit(limits.processes),
    separateErrors: false,
    otherUser: otherUser(tools, stateFolder, places, groups.launcherLines),
  });
  const parts: PlaceParts = { opener, stateFolder, places, groups };
  const ids = new UserIds(stateFolder, range);
  const enclose = (asked?: Pick<PlaceUser, 'groups'> & Partial<Owner>) => (mark: string) => {
    const uid = asked?.uid ?? ids.take();
    return openUserPlace(mark, { uid, gid: asked?.gid ?? uid, groups: asked ? asked.groups : [] }, parts);
  };
  const usual = (ahead ? prepareOneAhead : onDemand)(enclose());
  const close = async () => {
    await usual.close();
    opener.close();
  };

  const makeUser = async ({ home, runName, groups: names = [], asWorker = false }: UserOptions) => {
    const gids = asWorker ? undefined : groupIds(names);
    // A prepared place is for a user without supplementary groups.
    const { mark, enclosure: place } =
      gids?.length === 0
        ? await usual.take()
        : await onDemand(enclose({ groups: gids, ...(asWorker && { uid: 0, gid: 0 }) })).take();
    const files = new UserFiles({
      tools,
      mountSpace: place.mountSpace,
      uid: place.user.uid,
      groups: gids ?? [],
      home: home.path,
    });
    const { uid } = place.user;
    const isTaken = accounts === 'machine' && isNameTaken(accountName(runName, uid));
    const name = asWorker ? 'root' : accountName(isTaken ? undefined : runName, uid);
    const user = new PlacedUser({ name, home: home.path }, mark, { place, files, places });
    try {
      const account: Account = { name, uid, home: home.path, groups: names };
      if (accounts === 'private') writeAccount(account, place.accountFiles);
      else if (!asWorker) await user.addToMachine(account);
      await giveHome(home, user);
      return user;
    } catch (error) {
      await user[Symbol.asyncDispose]();
      throw error;
    }
  };

  const openSandbox = async ({ home, keep, user: given }: SandboxOptions) => {
    const user = given ?? (await makeUser({ home }));
    if (!(user instanceof PlacedUser))
      throw new Error('the user of a run must be one that this engine created');
    keep?.(user.mark);
    const launching = { tools, folder: home.path, limits: limitLines(limit) };
    return new UserSandbox(user, launching, given === undefined);
  };

  try {
    const capabilities = await trialRun(tasksDir, openSandbox);
    return {
      name: 'user',
      formats: ['generic-worker'],
      hostAddress: 'localhost',
      capabilities,
      missingLimits: groups.missing,
      makeUser,
      open: openSandbox,
      close,
      endLeftovers,
    };
  } catch (error) {
    await close();
    const { message } = error as Error;
    const hint = isCode(error, 'EINVAL') ? `; taskUserIds (${userIds}) must be in /proc/self/uid_map` : '';
    throw new UserEngineUnavailable(
      `The engine "user" does not work on this machine: ${message.trim()}${hint}`,
      {
        cause: error,
      },
    );
  }
}

function otherUser(
  tools: Tools,
  stateFolder: string,
  { lines }: PrivatePlaces,
  launcherLines: string,
): OtherUser {
  return {
    unshare: ['--ipc'],
    spaces: ['ipc'],
    lines,
    arguments: `${shellQuoted(stateFolder)}/"$mark"`,
    launcherLines,
    become: `${shellQuoted(tools.setpriv ?? '')} --reuid="$1" --regid="$1" "$2" --`,
  };
}

/**
 * The best method for a run's namespaces. Only with this one does the first process have more rights than a task's
 * root.
 */
function methodOf(tools: Tools) {
  const [method] = pidNamespaceMethods(tools);
  if (method?.remount.length === 2 && method.drop.length > 0) return method;
  throw new UserEngineUnavailable(
    'The engine "user" needs unshare, nsenter, setsid, setpriv, mount and umount (util-linux)',
  );
}

/** A limit that also applies to root, which a task can become with sudo, where the kernel supports it. */
function rootLimit(processes: number) {
  if (processes === 0) return undefined;
  const limit = processLimit(processes, { inNamespace: true, uid: 0, kernel: release() });
  return typeof limit === 'string' ? undefined : limit;
}
