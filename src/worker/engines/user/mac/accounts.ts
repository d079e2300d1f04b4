import type { Executed, Executor } from './execute.ts';
import {
  addToGroup,
  createAccount,
  deleteGroup,
  deleteUser,
  findGroups,
  groupsIn,
  idIn,
  isNotFound,
  readGid,
  readUid,
  removeFromGroup,
  type MacAccount,
  type CommandLine,
} from './commands.ts';

/** Creates and deletes users in the machine's own directory. */
export interface MacAccounts {
  /**
   * Creates a user who is also in other groups. After a failure, nothing of the user remains.
   *
   * @throws Error with the command that failed and its output
   */
  create(account: MacAccount, groups: readonly string[]): Promise<void>;
  /** Deletes a user and the user's group. Does nothing if no user has this name, or its user has another number. */
  remove(account: Pick<MacAccount, 'name' | 'uid'>): Promise<void>;
  /** The number of a user; undefined if no user has this name. */
  uidOf(name: string): Promise<number | undefined>;
}

export function macAccounts({ execute }: Pick<Executor, 'execute'>): MacAccounts {
  const run = async (line: CommandLine): Promise<Executed> => {
    const executed = await execute(line);
    if (executed.code !== 0) throw failureOf(line, executed);
    return executed;
  };

  const idOf = async (line: CommandLine): Promise<number | undefined> => {
    const executed = await execute(line);
    if (executed.code === 0) return idIn(executed.stdout);
    if (isNotFound(executed)) return undefined;
    throw failureOf(line, executed);
  };
  const uidOf = (name: string) => idOf(readUid(name));

  const remove = async ({ name, uid }: Pick<MacAccount, 'name' | 'uid'>): Promise<void> => {
    const found = await uidOf(name);
    if (found === uid) {
      const { stdout } = await run(findGroups(name));
      for (const group of groupsIn(stdout)) await run(removeFromGroup(name, group));
      await run(deleteUser(name));
    }
    if ((await idOf(readGid(name))) === uid) await run(deleteGroup(name));
  };

  return {
    uidOf,
    remove,
    create: async (account, groups) => {
      for (const group of groups) {
        if ((await idOf(readGid(group))) === undefined) {
          throw new Error(`osGroups: this machine has no group ${JSON.stringify(group)}`);
        }
      }
      try {
        for (const line of createAccount(account)) await run(line);
        for (const group of groups) await run(addToGroup(account.name, group));
      } catch (error) {
        // Each removal is tried, because the records that exist depend on the command that failed.
        for (const group of groups) await execute(removeFromGroup(account.name, group));
        await execute(deleteUser(account.name));
        await execute(deleteGroup(account.name));
        throw error;
      }
    },
  };
}

export function failureOf(line: CommandLine, { code, stdout, stderr }: Executed): Error {
  const said = (stderr.trim() || stdout.trim()).replaceAll('\n', '; ');
  return new Error(`${line.join(' ')} failed with exit code ${code}: ${said}`);
}
