import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the system shows control groups (cgroups(7)). */
const ROOT = '/sys/fs/cgroup';
/** The group below which runs have theirs. */
const ALL_RUNS = '/tcw';

/**
 * The control group of a run on this machine, in which the engine makes those of its containers. It outlives them, and
 * so tells in the end what they have used.
 */
export class RunCgroup {
  /** As the engine is told it. */
  readonly path: string;

  constructor(trace: string) {
    this.path = `${ALL_RUNS}/${trace}`;
  }

  /** Whether the group is on this machine, once a container has been started in it. */
  isThere(): boolean {
    return existsSync(this.#file('pids', ''));
  }

  /** The processes of a container, by the numbers that this process knows them by. */
  processes(containerId: string): number[] {
    return processesIn(this.#file('pids', containerId));
  }

  /** What a file of the group says, by the controller that has it in the first version; undefined where there is none. */
  read(controller: string, file: string): string | undefined {
    return readIfThere(this.#file(controller, file));
  }

  /** @throws Error when processes are in it, or it may not be removed */
  async remove(): Promise<void> {
    const folders = isUnified() ? [ROOT] : readdirSync(ROOT).map(name => join(ROOT, name));
    for (const folder of folders) {
      await rmdir(join(folder, this.path)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
      });
    }
  }

  #file(controller: string, file: string): string {
    return join(ROOT, isUnified() ? '' : controller, this.path, file);
  }
}

/**
 * The processes of a container that systemd has put into a group of its own, by the numbers that this process knows them by;
 * none where there is no such group on this machine.
 */
export function processesInScope(containerId: string): number[] {
  const scope = `system.slice/docker-${containerId}.scope`;
  return processesIn(join(ROOT, isUnified() ? '' : 'pids', scope));
}

function processesIn(folder: string): number[] {
  const text = readIfThere(join(folder, 'cgroup.procs')) ?? '';
  // 0 is a process that cannot be seen from here.
  return text
    .split('\n')
    .map(Number)
    .filter(pid => pid > 1);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}

/** Whether this process may see to control groups of its own on this machine. */
export function canHaveCgroups(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0 && existsSync(ROOT);
}

/** Whether all controllers are in one hierarchy, as in the second version. */
export function isUnified(): boolean {
  return existsSync(join(ROOT, 'cgroup.controllers'));
}
