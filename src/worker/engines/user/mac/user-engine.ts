import type { Engine, Sandbox, SandboxOptions, UserOptions } from '../../engine.ts';
import { TaskError } from '../../../outcome.ts';
import { machineGroups } from '../../../files/machine-groups.ts';
import { accountName } from '../accounts.ts';
import { UserEngineUnavailable } from '../engine-unavailable.ts';
import { giveHome } from '../give-home.ts';
import { readyStateFolder } from '../state-folder.ts';
import { uidRange } from '../user-ids.ts';
import { failureOf, macAccounts } from './accounts.ts';
import { machineExecutor, type Executor } from './execute.ts';
import { macFiles } from './files.ts';
import { userProcesses } from './processes.ts';
import { MacSandbox } from './sandbox.ts';
import { MacUserIds } from './user-ids.ts';
import { MacUser } from './user.ts';
import { listUsers, readBoot, usersIn, type MacAccount, type CommandLine } from './commands.ts';

export interface MacUserEngineOptions {
  /** The parent of the runs' folders. */
  readonly tasksDir: string;
  /** The range of `taskUserIds`. */
  readonly userIds: string;
  /** Runs the machine's programs. Tests replace it. */
  readonly executor?: Executor;
}

export interface MacUserEngine extends Engine {
  makeUser(options: UserOptions): Promise<MacUser>;
}

/** The trace by which a later worker finds the user of a run whose worker died. */
const TRACE = /^mac-user:([a-z0-9_-]+):(\d+)$/;

const traceOf = ({ name, uid }: Pick<MacAccount, 'name' | 'uid'>) => `mac-user:${name}:${uid}`;

/**
 * Makes the engine that runs each task as its own user on macOS. For each run, it creates a user in the machine's
 * directory and starts the commands in the user's launchd domain. At the end it kills all of the user's processes and
 * deletes the user.
 *
 * It has been tested only against transcripts of the commands, never on a Mac.
 *
 * @throws UserEngineUnavailable, or Error that names a property of the configuration that must be changed
 */
export async function macUserEngine(options: MacUserEngineOptions): Promise<MacUserEngine> {
  const { tasksDir, userIds, executor = machineExecutor } = options;
  if (process.getuid?.() !== 0) {
    throw new UserEngineUnavailable(
      'The engine "user" needs root to create users for tasks. Run the worker as root, or use engine: native',
    );
  }
  const accounts = macAccounts(executor);
  const printed = async (line: CommandLine): Promise<string> => {
    const executed = await executor.execute(line).catch((error: unknown) => {
      throw new UserEngineUnavailable(
        `The engine "user" does not work on this machine: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    });
    if (executed.code === 0) return executed.stdout;
    const { message } = failureOf(line, executed);
    throw new UserEngineUnavailable(`The engine "user" does not work on this machine: ${message}`);
  };
  const range = uidRange(userIds);
  const { first, last } = range;
  const taken = usersIn(await printed(listUsers())).find(
    ({ name, uid }) => uid >= first && uid <= last && !name.startsWith('task_'),
  );
  if (taken) {
    throw new Error(
      `taskUserIds: the machine has a user in ${userIds}: ${taken.name} (${taken.uid}). Name a range that is free`,
    );
  }
  const boot = (await printed(readBoot())).trim();
  if (!/^[\w-]+$/.test(boot))
    throw new UserEngineUnavailable(`this machine does not report when it was started: ${boot}`);
  const ids = new MacUserIds(readyStateFolder(tasksDir), boot, range);

  const makeUser = async ({ home, runName, groups = [], asWorker = false, keep }: UserOptions) => {
    if (asWorker) {
      throw new TaskError(
        'malformed-payload',
        'runTaskAsCurrentUser: on macOS, the engine "user" runs no task as the worker\'s own user',
      );
    }
    const uid = ids.take();
    const wanted = accountName(runName, uid);
    const isTaken = (await accounts.uidOf(wanted)) !== undefined;
    const account = { name: isTaken ? accountName(undefined, uid) : wanted, uid, home: home.path };
    keep?.(traceOf(account));
    await accounts.create(account, groups);
    const known = machineGroups();
    const gids = [uid, ...groups.flatMap(group => known.get(group) ?? [])];
    const user = new MacUser(account, userProcesses(account, executor), gids, accounts);
    try {
      await giveHome(home, user);
      return user;
    } catch (error) {
      await user[Symbol.asyncDispose]();
      throw error;
    }
  };

  const open = async ({ home, keep, user: given }: SandboxOptions): Promise<Sandbox> => {
    const user = given ?? (await makeUser({ home, keep }));
    if (!(user instanceof MacUser)) throw new Error('the user of a run must be one that this engine created');
    const { account, processes, groups } = user;
    return new MacSandbox({
      account,
      groups,
      processes,
      executor,
      files: macFiles(home.path, account.uid),
      dispose: given ? undefined : () => user[Symbol.asyncDispose](),
    });
  };

  return {
    name: 'user',
    formats: ['generic-worker'],
    hostAddress: 'localhost',
    capabilities: new Set(['host-files', 'background', 'task-users']),
    makeUser,
    open,
    endLeftovers: async traces => {
      let ended = 0;
      for (const trace of traces) {
        const [, name = '', id] = TRACE.exec(trace) ?? [];
        if (id === undefined) continue;
        const account = { name, uid: Number(id) };
        // Only this user's processes: the number may belong to a user who was created since.
        if ((await accounts.uidOf(name)) === account.uid)
          ended += await userProcesses(account, executor).kill();
        await accounts.remove(account);
      }
      return ended;
    },
  };
}
