import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isCode } from '../../files/is-code.ts';
import { removeFolder } from '../../files/remove-folder.ts';
import { isMark } from '../native/index.ts';
import { isAlive, ownLife } from '../processes/index.ts';
import { removeAccount } from './system-accounts.ts';

const NAME = '.tcw-users';
/** File in a run's state folder with the name and number of a user in the machine's own files: `name:uid`. */
export const ACCOUNT = 'account';

const [ENTER, WRITE, STICKY] = [0o001, 0o022, 0o1000];

/**
 * Creates the folder for the runs' state, and for the used numbers. Workers with the same tasksDir share it.
 *
 * @throws Error that says what to change, when tasks cannot reach their folders or could change others
 */
export function readyStateFolder(tasksDir: string): string {
  const { mode, uid } = statSync(tasksDir);
  if (uid !== 0 || (mode & WRITE) !== 0) {
    throw new Error(
      `tasksDir: ${tasksDir} must belong to root, and nobody else may write to it: chown root ${tasksDir}; chmod 755 ${tasksDir}`,
    );
  }
  // A new folder is closed to others, but tasks must be able to pass through.
  if ((mode & ENTER) === 0) chmodSync(tasksDir, mode | 0o111);
  for (let folder = dirname(tasksDir); ; folder = dirname(folder)) {
    const { mode: way } = statSync(folder);
    if ((way & WRITE) !== 0 && (way & STICKY) === 0) {
      throw new Error(
        `tasksDir: other users may replace what is in ${folder}, which leads to ${tasksDir}: chmod go-w ${folder}, or name another tasksDir`,
      );
    }
    if ((way & ENTER) === 0) {
      throw new Error(
        `tasksDir: the users of tasks cannot reach ${tasksDir}, because ${folder} denies them access: chmod o+x ${folder}, or name another tasksDir`,
      );
    }
    if (folder === dirname(folder)) break;
  }
  const folder = `${tasksDir}/${NAME}`;
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  }
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== 0)
    throw new Error(`${folder} must be a folder of root; remove it`);
  if ((found.mode & 0o777) !== 0o700) chmodSync(folder, 0o700);
  return folder;
}

/** Removes the state of dead workers as far as possible. The next start tries again. */
export async function sweepStateFolder(folder: string): Promise<void> {
  const [boot = ''] = ownLife().split('-');
  for (const name of readdirSync(folder)) {
    try {
      if (name.startsWith('used-') && name !== `used-${boot}`) rmSync(`${folder}/${name}`);
      if (!isMark(name) || isAlive(name) !== false) continue;
      const account = readIfThere(`${folder}/${name}/${ACCOUNT}`);
      const [accountName = '', uid] = account?.split(':') ?? [];
      if (account !== undefined) await removeAccount({ name: accountName, uid: Number(uid) });
      await removeFolder(`${folder}/${name}`);
    } catch {
      // Something is busy or mounted.
    }
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
