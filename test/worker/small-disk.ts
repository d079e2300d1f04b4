import { execa } from 'execa';

/** What comes before a program that gets a mount namespace of its own, and may mount in it. */
const WAYS = [
  ['unshare', '--mount', '--'],
  ['unshare', '--user', '--map-root-user', '--mount', '--'],
];
/** Mounts a small disk where the first argument says, of so many bytes as the second says, and runs the rest. */
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

/** Whether this machine lets tests have a disk of their own. */
export const smallDisks = way !== undefined;

/** The words that run a program, to which a folder is a disk of so many bytes. Nobody else sees that disk. */
export function onSmallDisk(folder: string, bytes: number, program: readonly string[]): [string, string[]] {
  const [file = '', ...rest] = [...(way ?? []), 'sh', '-c', MOUNT, 'sh', folder, String(bytes), ...program];
  return [file, rest];
}
