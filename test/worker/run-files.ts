import { readdir } from 'node:fs/promises';

/** What lies in a worker's tasksDir but for what is the worker's own while it lives. */
export async function runFiles(tasksDir: string): Promise<string[]> {
  return (await readdir(tasksDir)).filter(name => !name.startsWith('.tcw-'));
}
