import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Mount point of the control groups (cgroups(7)). */
const ROOT = '/sys/fs/cgroup';
/** Parent of the control groups of all runs. */
const ALL_RUNS = '/tcw';

/**
 * The control group of a run, in which the engine creates the groups of its containers. It outlives the containers, so
 * their total usage can be read at the end.
 */
export class RunCgroup {
  /** The `CgroupParent` for the engine. */
  readonly path: string;

  constructor(trace: string) {
    this.path = `${ALL_RUNS}/${trace}`;
  }

  /** Whether the group is visible on this machine once a container has started in it. */
  isThere(): boolean {
    return existsSync(this.#file('pids', ''));
  }

  /** The pids of a container's processes, as this process sees them. */
  processes(containerId: string): number[] {
    return processesIn(this.#file('pids', containerId));
  }

  /**
   * Reads a file of the group, with cgroups v1 from the named controller's hierarchy; undefined where it is missing.
   */
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
 * The pids of a container that systemd has put into its own scope. Empty if this machine has no such scope.
 */
export function processesInScope(containerId: string): number[] {
  const scope = `system.slice/docker-${containerId}.scope`;
  return processesIn(join(ROOT, isUnified() ? '' : 'pids', scope));
}

function processesIn(folder: string): number[] {
  const text = readIfThere(join(folder, 'cgroup.procs')) ?? '';
  // 0 stands for a process that is not visible from here.
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

/** Whether this process may manage control groups on this machine. */
export function canHaveCgroups(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0 && existsSync(ROOT);
}

/** Whether the machine uses cgroups v2. */
export function isUnified(): boolean {
  return existsSync(join(ROOT, 'cgroup.controllers'));
}
