import { posix, relative, sep } from 'node:path';
import { hostFiles } from '../../files/host-files.ts';
import type { TaskFiles } from '../../files/task-files.ts';
import type { ContainerPart } from '../container.ts';

/** Where the files of a mock container really are. */
export interface ContainerFiles {
  /** Where a path of the container lies on this machine. A relative one begins at the root. */
  readonly pathOf: (path: string) => string;
  readonly files: TaskFiles;
}

/** A container whose root is a folder, in which it sees other folders of this machine. */
export function containerFiles(root: string, { binds = [] }: ContainerPart): ContainerFiles {
  // The deepest first.
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
