import { posix, relative, sep } from 'node:path';
import { hostFiles } from '../../files/host-files.ts';
import type { TaskFiles } from '../../files/task-files.ts';
import type { ContainerPart } from '../container.ts';

/** Maps paths of a mock container to this machine. */
export interface ContainerFiles {
  /** The place of a container's path on this machine. A relative path begins at the root. */
  readonly pathOf: (path: string) => string;
  readonly files: TaskFiles;
}

/** A container whose root is a folder, with mounts of other folders of this machine. */
export function containerFiles(root: string, { binds = [] }: ContainerPart): ContainerFiles {
  // The deepest mount first.
  const sorted = binds.toSorted((one, other) => other.target.length - one.target.length);
  const pathOf = (path: string) => {
    const inside = posix.resolve('/', path);
    const bind = sorted.find(({ target }) => inside === target || inside.startsWith(`${target}/`));
    return bind ? posix.join(bind.source, inside.slice(bind.target.length)) : posix.join(root, inside);
  };
  const onMachine = hostFiles(root);
  return {
    pathOf,
    files: {
      open: path => onMachine.open(pathOf(path)),
      walk: async function* (path) {
        const folder = pathOf(path);
        for await (const found of onMachine.walk(folder)) {
          yield posix.join(posix.resolve('/', path), relative(folder, found).split(sep).join('/'));
        }
      },
    },
  };
}
