import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Owner } from '../../files/owner.ts';
import type { RunFolder } from '../../files/run-folder.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/** Gives a run's folder to its user. The parent folder belongs to root, so nobody else can exchange the run's folder. */
export async function giveHome({ path, dev, ino }: RunFolder, { uid, gid }: Owner): Promise<void> {
  await using folder = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const found = await folder.stat({ bigint: true });
  if (found.dev !== dev || found.ino !== ino)
    throw new Error(`${path} is not the folder that was created for the run`);
  await folder.chown(uid, gid);
  await folder.chmod(0o700);
}
