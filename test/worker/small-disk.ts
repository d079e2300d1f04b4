import { execa } from 'execa';

/** Prefixes that run a program in its own mount namespace with the right to mount. */
const WAYS = [
  ['unshare', '--mount', '--'],
  ['unshare', '--user', '--map-root-user', '--mount', '--'],
];
/** Mounts a small disk at the first argument with the size of the second, and runs the other arguments. */
const MOUNT = 'mount -t tmpfs -o "size=$2" tcw-test "$1" && shift 2 && exec "$@"';

async function words(): Promise<string[] | undefined> {
  for (const way of process.platform === 'linux' ? WAYS : []) {
    const [file = '', ...rest] = [...way, 'sh', '-c', MOUNT, 'sh', '/mnt', '4096', 'true'];
    const { failed } = await execa(file, rest, { reject: false });
    if (!failed) return way;
  }
  return undefined;
}

const way = await words();

/** Whether tests on this machine can have their own disks. */
export const smallDisks = way !== undefined;

/** The command line for a program that sees a folder as a disk of this size. No other process sees the disk. */
export function onSmallDisk(folder: string, bytes: number, program: readonly string[]): [string, string[]] {
  const [file = '', ...rest] = [...(way ?? []), 'sh', '-c', MOUNT, 'sh', folder, String(bytes), ...program];
  return [file, rest];
}
