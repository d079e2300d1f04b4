import type { Sandbox } from '../engines/engine.ts';
import { feature, serving } from './feature.ts';

const MEGABYTE = 1024 ** 2;

/** Folders in which features put the files of this machine that a container sees. */
const CONTAINER_FOLDERS = ['caches', 'volumes'];

/** Stops the run that fills the disk, before the worker and its other runs have no space left. Always on. */
export const disk = feature({
  name: 'disk',
  open: async ({ config: { tasksDir, requiredDiskSpaceMegabytes }, collector, engines }) => {
    // Loaded by workers only, not with the configuration.
    const [{ diskGuard }, { otherDisk }] = await Promise.all([
      import('../stores/disk-guard.ts'),
      import('../stores/other-disk.ts'),
    ]);
    const requiredBytes = requiredDiskSpaceMegabytes * MEGABYTE;
    const guard = diskGuard({ folder: tasksDir, requiredBytes, collector });
    const dataFolder = engines.find(engine => engine.dataFolder !== undefined)?.dataFolder;
    const other = dataFolder === undefined ? undefined : await otherDisk(tasksDir, dataFolder);
    // As in the collector: on a disk without the folders of runs, half of its size is enough.
    const otherGuard =
      other &&
      diskGuard({
        folder: other.folder,
        requiredBytes: Math.min(requiredBytes, other.totalBytes / 2),
        collector,
      });
    return serving<true>({
      ask: () => (requiredBytes > 0 ? true : undefined),
      start: (_, run) => {
        let sandbox: Sandbox | undefined;
        const engineBytes = async (signal: AbortSignal) => (await sandbox?.diskBytes?.(signal)) ?? 0;
        const stop = (message: string) => {
          run.stop(message);
          return run.signal.aborted;
        };
        const entered = guard.enter({
          // The run's folder, the files beside it with the same name, and the places of its user.
          folders: [
            run.home.path,
            ...(run.task.container ? CONTAINER_FOLDERS : ['tmp']).map(name => run.beside(name)),
            ...(run.user?.folders ?? []),
          ],
          ...(!otherGuard && { engineBytes }),
          stop,
        });
        const isOnOther = run.engine.dataFolder !== undefined;
        const alsoEntered = isOnOther ? otherGuard?.enter({ folders: [], engineBytes, stop }) : undefined;
        return {
          started: opened => {
            sandbox = opened;
          },
          [Symbol.asyncDispose]: async () => {
            entered[Symbol.dispose]();
            alsoEntered?.[Symbol.dispose]();
          },
        };
      },
    });
  },
});
