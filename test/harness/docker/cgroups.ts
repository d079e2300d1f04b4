import { readFileSync } from 'node:fs';
import { access, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** The lab's cgroup in one of the machine's hierarchies. */
export interface Cgroup {
  readonly type: 'cgroup' | 'cgroup2';
  /** Mount options: `memory`, `none,name=systemd`. */
  readonly options: string;
  /** Mount point of the hierarchy. */
  readonly mount: string;
  /** Path of this cgroup outside the lab. */
  readonly folder: string;
}

interface Hierarchy {
  readonly type: Cgroup['type'];
  readonly root: string;
  readonly mount: string;
  readonly options: readonly string[];
}

/**
 * Creates a cgroup with this name in each hierarchy of this machine.
 *
 * @throws Error of the system; then none of them remains
 */
export async function makeCgroups(name: string): Promise<readonly Cgroup[]> {
  const made: Cgroup[] = [];
  try {
    for (const cgroup of ownCgroups(name)) {
      const { type, folder } = cgroup;
      await mkdir(folder);
      made.push(cgroup);
      if (type === 'cgroup2') await shareControllers(join(folder, '..'));
      else await inheritCpuset(folder);
    }
    return made;
  } catch (error) {
    for (const { folder } of made) await rmdir(folder);
    throw error;
  }
}

function ownCgroups(name: string): Cgroup[] {
  const memberships = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n');
  const hierarchies = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n').flatMap(hierarchyOf);
  return memberships.flatMap((line): Cgroup[] => {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const [first = ''] = controllers.split(',');
    const found = hierarchies.find(({ type, options }) =>
      controllers === '' ? type === 'cgroup2' : type === 'cgroup' && options.includes(first),
    );
    if (!found) return [];
    const { type, mount, root } = found;
    // In cgroups v2, only the root cgroup may have both processes and child groups with controllers.
    return type === 'cgroup2'
      ? [{ type, options: 'rw', mount, folder: join(mount, name) }]
      : [
          {
            type,
            options: mountOptions(controllers),
            mount,
            folder: join(mount, relative(root, path), name),
          },
        ];
  });
}

function mountOptions(controllers: string): string {
  return controllers.startsWith('name=') ? `none,${controllers}` : controllers;
}

/** @see https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html */
function hierarchyOf(line: string): Hierarchy[] {
  const [place = '', system = ''] = line.split(' - ');
  const [, , , root = '', mount = ''] = place.split(' ');
  const [type, , options = ''] = system.split(' ');
  return type === 'cgroup' || type === 'cgroup2' ? [{ type, root, mount, options: options.split(',') }] : [];
}

/** In cgroups v1, a new cgroup has no processors and no memory nodes until they are set. */
async function inheritCpuset(folder: string): Promise<void> {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const there = await access(join(folder, file)).then(
      () => true,
      () => false,
    );
    if (there) await writeFile(join(folder, file), await readFile(join(folder, '..', file)));
  }
}

/** Without the controllers, the engine works but cannot set limits. */
async function shareControllers(folder: string): Promise<void> {
  const controllers = (await readFile(join(folder, 'cgroup.controllers'), 'utf8')).split(/\s+/);
  const all = controllers.filter(Boolean).map(controller => `+${controller}`);
  await writeFile(join(folder, 'cgroup.subtree_control'), all.join(' ')).catch(() => undefined);
}
