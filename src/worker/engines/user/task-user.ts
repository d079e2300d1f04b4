import { writeFileSync } from 'node:fs';
import type { HostPath, TaskUser } from '../engine.ts';
import type { Account } from './accounts.ts';
import { isBelow } from '../../files/is-below.ts';
import type { PrivatePlaces } from './private-places.ts';
import { ACCOUNT } from './state-folder.ts';
import { addAccount, removeAccount } from './system-accounts.ts';
import type { UserFiles } from './user-files.ts';
import type { UserPlace } from './user-place.ts';

/** The user of one run, with the prepared place for its commands. */
export class PlacedUser implements TaskUser {
  readonly name: string;
  readonly mark: string;
  readonly place: UserPlace;
  readonly files: UserFiles;
  readonly #places: PrivatePlaces;
  readonly #home: string;
  #hasAccount = false;
  #disposing: Promise<void> | undefined;

  constructor(
    { name, home }: Pick<Account, 'name' | 'home'>,
    mark: string,
    {
      place,
      files,
      places,
    }: { readonly place: UserPlace; readonly files: UserFiles; readonly places: PrivatePlaces },
  ) {
    this.name = name;
    this.mark = mark;
    this.place = place;
    this.files = files;
    this.#places = places;
    this.#home = home;
  }

  get folders(): readonly string[] {
    return [this.place.state];
  }

  get uid(): number {
    return this.place.user.uid;
  }

  get gid(): number {
    return this.place.user.gid;
  }

  hostPath(path: string): HostPath | undefined {
    if (isBelow(path, this.#home)) return { path };
    // Elsewhere the worker would have rights that the user lacks, unless the user is root, too.
    return this.#places.hostPath(this.place.state, path) ?? (this.uid === 0 ? { path } : undefined);
  }

  /** Adds the user to the machine's own files until its disposal. After a sudden death, the next start removes it. */
  async addToMachine(account: Account): Promise<void> {
    this.#hasAccount = true;
    writeFileSync(`${this.place.state}/${ACCOUNT}`, `${account.name}:${account.uid}`, { mode: 0o600 });
    await addAccount(account);
  }

  [Symbol.asyncDispose](): Promise<void> {
    // Can be repeated after a failure.
    this.#disposing ??= this.#dispose().catch((error: unknown) => {
      this.#disposing = undefined;
      throw error;
    });
    return this.#disposing;
  }

  async #dispose(): Promise<void> {
    await this.files[Symbol.asyncDispose]();
    // If the run got no sandbox, its place still exists. Otherwise this has no effect.
    await this.place.kill();
    this.place.pipe.close();
    this.place.errors?.close();
    if (this.#hasAccount) await removeAccount(this);
    this.#hasAccount = false;
    await this.place.discard();
  }
}
