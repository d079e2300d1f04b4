import { chown } from 'node:fs/promises';

const NOBODY = 65_534;

/**
 * Works as an ordinary user, because permissions do not apply to root. The user owns the folder, and the work creates
 * the folder's content.
 */
export async function asOrdinaryUser<T>(folder: string, work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  await chown(folder, NOBODY, NOBODY);
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
