import { closeSync, fchownSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Owner } from '../../files/owner.ts';
import { removeFolder } from '../../files/remove-folder.ts';
import { openPidNamespace, type Enclosure, type Opener, type PidNamespace } from '../native/index.ts';
import type { AccountFiles } from './accounts.ts';
import type { ControlGroups, RunGroup } from './control-groups.ts';
import type { PrivatePlaces } from './private-places.ts';

/** Time in ms after which the kernel is asked to kill a whole control group, if a namespace does not end by itself. */
const SLOW_MS = 200;

/** The parts of places for runs. */
export interface PlaceParts {
  readonly opener: Opener;
  /** The parent of the runs' state folders, which are named by the runs' marks. */
  readonly stateFolder: string;
  readonly places: PrivatePlaces;
  readonly groups: ControlGroups;
}

/** The user of a run's commands. */
export interface PlaceUser extends Owner {
  /** Supplementary groups; undefined: the worker's. */
  readonly groups: readonly number[] | undefined;
}

/**
 * The place for the commands of one run with its own user: the native engine's namespaces with another user inside, and
 * private folders.
 */
export class UserPlace implements Enclosure {
  readonly user: PlaceUser;
  /** The run's state folder. Only root can enter it by its path. */
  readonly state: string;
  /** Descriptor of the mount namespace. */
  readonly mountSpace: number;
  readonly #space: PidNamespace;
  readonly #group: RunGroup;
  #isClosed = false;

  constructor(space: PidNamespace, user: PlaceUser, state: string, group: RunGroup) {
    this.user = user;
    this.state = state;
    this.mountSpace = space.openMountSpace();
    this.#space = space;
    this.#group = group;
    // A program can reopen its output pipe by name, /dev/stdout, only if the pipe belongs to its user.
    for (const pipe of [space.pipe, space.errors]) if (pipe) fchownSync(pipe.writer, user.uid, user.gid);
  }

  get launcher() {
    return this.#space.launcher;
  }

  get pipe() {
    return this.#space.pipe;
  }

  get errors() {
    return this.#space.errors;
  }

  get census() {
    return this.#space.census;
  }

  get firstProcess() {
    return this.#space.firstProcess;
  }

  get over(): boolean {
    return this.#space.over;
  }

  get accountFiles(): AccountFiles {
    return accountFiles(this.state);
  }

  inTerminal(script: string, env: Readonly<Record<string, string>>) {
    return this.#space.inTerminal(script, env);
  }

  anyAlive(): Promise<boolean> {
    return this.#space.anyAlive();
  }

  terminate(): Promise<void> {
    return this.#space.terminate();
  }

  async kill(): Promise<void> {
    const late = new AbortController();
    void sleep(SLOW_MS, undefined, { signal: late.signal, ref: false }).then(
      () => {
        this.#group.kill();
      },
      () => undefined,
    );
    try {
      await this.#space.kill();
    } finally {
      late.abort();
    }
  }

  async discard(): Promise<void> {
    if (!this.#isClosed) closeSync(this.mountSpace);
    this.#isClosed = true;
    await Promise.all([this.#group.remove(), removeFolder(this.state)]);
  }
}

/** @throws Error with the messages of its programs, or of the system */
export async function openUserPlace(mark: string, user: PlaceUser, parts: PlaceParts): Promise<UserPlace> {
  const { opener, stateFolder, places, groups } = parts;
  const state = `${stateFolder}/${mark}`;
  await mkdir(state, { mode: 0o700 });
  let group: RunGroup | undefined;
  let space: PidNamespace | undefined;
  try {
    await places.make(state);
    const files = accountFiles(state);
    for (const file of [files.passwd, files.group]) writeFileSync(file, '', { mode: 0o644, flag: 'wx' });
    group = groups.make(mark);
    space = await openPidNamespace(mark, opener, [String(user.uid), groupOption(user)]);
    return new UserPlace(space, user, state, group);
  } catch (error) {
    await space?.kill();
    await Promise.all([group?.remove(), removeFolder(state)]);
    throw error;
  }
}

/** setpriv's option for the supplementary groups. */
function groupOption({ groups }: PlaceUser): string {
  if (groups === undefined) return '--keep-groups';
  return groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`;
}

function accountFiles(state: string): AccountFiles {
  return { passwd: `${state}/passwd`, group: `${state}/group` };
}
