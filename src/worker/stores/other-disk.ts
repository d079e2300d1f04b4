import { diskSpace, type DiskSpace } from './disk-space.ts';

/** The disk of a folder, where that is not the disk of the runs' folders. */
export async function otherDisk(tasksDir: string, folder: string): Promise<DiskSpace | undefined> {
  const [ofTasks, ofFolder] = await Promise.all([diskSpace(tasksDir), diskSpace(folder)]);
  return ofFolder.device === ofTasks.device ? undefined : ofFolder;
}
