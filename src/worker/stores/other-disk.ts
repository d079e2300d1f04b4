import { diskSpace, type DiskSpace } from './disk-space.ts';

/** Returns the disk of a folder, unless it is the disk of the runs' folders. */
export async function otherDisk(tasksDir: string, folder: string): Promise<DiskSpace | undefined> {
  const [ofTasks, ofFolder] = await Promise.all([diskSpace(tasksDir), diskSpace(folder)]);
  return ofFolder.device === ofTasks.device ? undefined : ofFolder;
}
