import { isBelow } from '../../../files/is-below.ts';
import type { HostPath, TaskUser } from '../../engine.ts';
import type { MacAccounts } from './accounts.ts';
import type { UserProcesses } from './processes.ts';
import type { MacAccount } from './commands.ts';

/** The user of one run. The user is in the machine's directory until the run has ended. */
export class MacUser implements TaskUser {
  readonly account: MacAccount;
  readonly processes: UserProcesses;
  /** The numbers of the user's groups. */
  readonly groups: readonly number[];
  /** Empty, because a run uses the machine's /tmp, and the worker knows no other folders of it. */
  readonly folders: readonly string[] = [];
  readonly #accounts: MacAccounts;

  constructor(
    account: MacAccount,
    processes: UserProcesses,
    groups: readonly number[],
    accounts: MacAccounts,
  ) {
    this.account = account;
    this.processes = processes;
    this.groups = groups;
    this.#accounts = accounts;
  }

  get name(): string {
    return this.account.name;
  }

  get uid(): number {
    return this.account.uid;
  }

  get gid(): number {
    return this.account.uid;
  }

  hostPath(path: string): HostPath | undefined {
    return isBelow(path, this.account.home) ? { path } : undefined;
  }

  /** May be called again; after a failure it tries again. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.processes.kill();
    await this.#accounts.remove(this.account);
  }
}
