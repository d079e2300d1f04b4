import { chmod, mkdir } from 'node:fs/promises';
import type { Bind } from '../../engines/container.ts';
import { makeRunFolder } from '../../files/run-folder.ts';
import type { ArtifactSpec } from '../../task-spec.ts';
import type { RunHandle } from '../feature.ts';

/**
 * Every user must be able to write, because an image's command may run as any user. Only the container can
 * reach the folder.
 */
const VOLUME_MODE = 0o777;

/**
 * Creates a folder beside the run's folder for each artifact of the type `volume`. The container sees it at the
 * artifact's path. It is uploaded like any other directory: through the container, so links lead no further
 * than for the task.
 */
export async function volumesFor(
  wanted: readonly ArtifactSpec[],
  run: Pick<RunHandle, 'beside'>,
): Promise<Bind[]> {
  const volumes = wanted.filter(({ type }) => type === 'volume');
  if (volumes.length === 0) return [];
  const { path: folder } = await makeRunFolder(run.beside('volumes'));
  return Promise.all(
    volumes.map(async ({ path }, index) => {
      const source = `${folder}/${index}`;
      await mkdir(source);
      await chmod(source, VOLUME_MODE);
      return { source, target: path };
    }),
  );
}
