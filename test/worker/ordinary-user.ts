import { chown } from 'node:fs/promises';

const NOBODY = 65_534;

/**
 * Works as a user to whom permissions apply, which they do not to root. It owns the folder; what is in it is made by the work.
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
