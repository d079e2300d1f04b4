import { NativeSandbox, type LaunchOptions } from '../native/index.ts';
import type { PlacedUser } from './task-user.ts';

/** A sandbox for a user that the sandbox may have created itself. */
export class UserSandbox extends NativeSandbox {
  readonly #user: PlacedUser;
  readonly #isOwn: boolean;

  constructor(user: PlacedUser, options: LaunchOptions, isOwn: boolean) {
    const { place, uid, gid } = user;
    super(place, user.files, {
      ...options,
      view: {
        root: `/proc/${place.firstProcess}/root`,
        user: { uid, groups: [gid, ...(place.user.groups ?? [])] },
      },
    });
    this.#user = user;
    this.#isOwn = isOwn;
  }

  get firstProcess(): number {
    return this.#user.place.firstProcess;
  }

  override async close(): Promise<void> {
    await super.close();
    if (this.#isOwn) await this.#user[Symbol.asyncDispose]();
  }
}
