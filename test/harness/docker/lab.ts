import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PATIENCE_MS } from '../../patience.ts';
import { startLifeline } from '../lifeline.ts';
import { makeCgroups, type Cgroup } from './cgroups.ts';
import { engineAnswers } from './engine-answers.ts';

/** A Docker engine in its own namespaces. */
export interface DockerLab {
  /** `unix:///…`. The socket is also reachable from outside the lab. */
  readonly host: string;
  /** Prefix for commands that run in the lab: in its network, among its processes, with its mounts. */
  readonly enter: readonly string[];
  /** The folders of its cgroups, as seen from outside the lab. */
  readonly cgroups: readonly string[];
  /** Ends the engine and everything else that runs in the lab, and removes their files. */
  stop(): Promise<void>;
}

/** Types of file systems (statfs(2)) on which an overlay is impossible or inadvisable. */
const TMPFS = 0x01021994;
const OVERLAY = 0x794c7630;
/** The bit of CAP_SYS_RESOURCE (capabilities(7)). */
const SYS_RESOURCE = 24n;

/**
 * Starts a Docker engine as root in its own namespaces and cgroups. The machine's network, mounts and processes do not
 * change. The lab and everything in it end with this process, however this process ends.
 *
 * @throws Error with the last lines of the engine's log if it does not start
 */
export async function startDockerLab(): Promise<DockerLab> {
  const cgroups = await makeCgroups(`tcw-docker-${randomBytes(4).toString('hex')}`);
  const folder = await mkdtemp(join(await placeForOverlays(), 'tcw-docker-'));
  const folders = cgroups.map(cgroup => cgroup.folder);
  // Programs in the lab are killed with it, and leave temporary files. These are removed with the lab's own.
  const temporary = join(folder, 'tmp');
  await mkdir(temporary);
  await Promise.all([chmod(folder, 0o711), chmod(temporary, 0o1777)]);
  const socket = join(folder, 'docker.sock');
  const pidFile = join(folder, 'init.pid');
  const lifeline = startLifeline({
    processes: [
      {
        command: 'setpriv',
        args: [
          // For the keeper. The namespaces end with it.
          ...[
            '--pdeathsig',
            'KILL',
            'unshare',
            '--mount',
            '--pid',
            '--net',
            '--ipc',
            '--uts',
            '--fork',
            '--kill-child',
          ],
          ...['--propagation', 'private', script('join-cgroups.sh'), ...folders, '--'],
          // Only after the process has joined its cgroups: the root of a cgroup namespace is its creator's cgroup.
          ...['unshare', '--cgroup', script('lab-init.sh'), pidFile, ...cgroups.map(mountOf), '--'],
          ...(await engineOptions(folder, socket)),
        ],
        env: { PATH: process.env.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
      },
    ],
    farewell: [{ command: script('remove-cgroups.sh'), args: folders }],
    log: join(folder, 'dockerd.log'),
    folder,
  });
  try {
    await engineAnswers(
      `unix://${socket}`,
      AbortSignal.any([lifeline.ended, AbortSignal.timeout(PATIENCE_MS)]),
    );
    const pid = (await readFile(pidFile, 'utf8')).trim();
    return {
      host: `unix://${socket}`,
      enter: [
        ...['nsenter', '--target', pid, '--mount', '--pid', '--net', '--ipc', '--uts', '--cgroup'],
        // The working directory has to be set again in another mount namespace.
        ...['env', `--chdir=${process.cwd()}`, `TMPDIR=${temporary}`],
      ],
      cgroups: folders,
      stop: () => lifeline.cut(),
    };
  } catch (error) {
    await lifeline.cut();
    throw error;
  }
}

async function engineOptions(folder: string, socket: string): Promise<string[]> {
  const configuration = join(folder, 'daemon.json');
  await writeFile(configuration, '{}');
  return [
    // Instead of the machine's configuration, which may name other folders.
    ...['--config-file', configuration],
    ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
    ...['--pidfile', join(folder, 'dockerd.pid'), '--host', `unix://${socket}`],
    ...['--exec-opt', 'native.cgroupdriver=cgroupfs'],
    // The engine's own retries take a minute, and would hide the worker's.
    ...['--max-download-attempts', '1'],
    ...runtimeOptions(),
  ];
}

/** Options with which an engine can start containers although this process lacks some of root's rights. */
export function runtimeOptions(): readonly string[] {
  if (hasSysResource()) return [];
  return [
    ...['--add-runtime', `without-sys-resource=${script('runc-without-sys-resource.sh')}`],
    ...['--default-runtime', 'without-sys-resource'],
  ];
}

function mountOf({ type, options, mount }: Cgroup): string {
  return `${type}:${options}:${mount}`;
}

async function placeForOverlays(): Promise<string> {
  for (const folder of [tmpdir(), '/var/tmp']) {
    const { type } = await statfs(folder);
    if (type !== TMPFS && type !== OVERLAY) return folder;
  }
  return tmpdir();
}

function hasSysResource(): boolean {
  const [, bits = '0'] = /^CapBnd:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${bits}`) >> SYS_RESOURCE) & 1n) === 1n;
}

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
