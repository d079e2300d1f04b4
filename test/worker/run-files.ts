import { readdir } from 'node:fs/promises';

/** The entries of a worker's tasksDir, without those that belong to the worker while it is alive. */
export async function runFiles(tasksDir: string): Promise<string[]> {
  return (await readdir(tasksDir)).filter(name => !name.startsWith('.tcw-'));
}
