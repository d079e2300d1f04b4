import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { shellQuoted } from '../../../base/index.ts';
import { isAlive } from '../processes/index.ts';
import { isMark, KEEPER } from '../native/index.ts';

/** Limits of a run; 0: none. */
export interface RunLimits {
  readonly memoryMegabytes: number;
  readonly cpus: number;
  readonly processes: number;
}

/** The control groups (cgroups(7)) of one run. */
export interface RunGroup {
  /** Kills all of its processes at once, if the kernel can (Linux 5.14). */
  kill(): void;
  /** Removes the groups. All processes are dead. */
  remove(): Promise<void>;
}

/** The control groups in which a worker creates those of its runs. */
export interface ControlGroups {
  /** Lines with which the launcher shell joins the run's groups. */
  readonly launcherLines: string;
  /**
   * The configured limits that are not available, with the reason, in one line; undefined if all are. Worth a warning.
   */
  readonly missing: string | undefined;
  /** @throws Error of the system */
  make(mark: string): RunGroup;
  /** Removes the groups of runs whose worker is dead. */
  sweep(): void;
}

type Controller = 'memory' | 'cpu' | 'pids';

/** Files of a group, and their values. */
type Settings = readonly (readonly [file: string, value: string])[];

const PREFIX = 'tcw-';
const MEGABYTE = 1024 ** 2;
const CPU_PERIOD_US = 100_000;
/** How often the removal of a group with processes is tried, and the pause in ms. */
const TRIES = 50;
const PAUSE_MS = 20;

/** Finds out which limits the worker can set: with cgroups v2 if the controllers are delegated to it, else with v1. */
export function controlGroups(limits: RunLimits): ControlGroups {
  const wanted = wantedOf(limits);
  const hierarchies = hierarchiesOf();
  const folders = new Map<string, (readonly [string, string])[]>();
  const missing: string[] = [];
  const v2 = hierarchies.find(({ version }) => version === 2)?.folder;
  if (v2 !== undefined && canMakeGroups(v2)) folders.set(v2, []);
  for (const controller of wanted) {
    const v1 = hierarchies.find(({ controllers }) => controllers.includes(controller))?.folder;
    if (v2 !== undefined && isDelegated(v2, controller)) {
      folders.get(v2)?.push(...settingsV2(controller, limits));
    } else if (v1 !== undefined && canMakeGroups(v1)) {
      folders.set(v1, [...(folders.get(v1) ?? []), ...settingsV1(controller, limits)]);
    } else {
      missing.push(controller);
    }
  }
  const groupsOf = (mark: string) =>
    [...folders].map(([folder, settings]) => ({ group: `${folder}/${PREFIX}${mark}`, settings }));
  return {
    launcherLines: [...folders.keys()]
      .map(folder => `echo 0 >${shellQuoted(`${folder}/${PREFIX}`)}"$${KEEPER}"/cgroup.procs || exit 1\n`)
      .join(''),
    missing:
      missing.length === 0
        ? undefined
        : `the worker cannot create control groups with ${missing.join(', ')} (systemd: Delegate=yes)`,
    make: mark => {
      const groups = groupsOf(mark);
      for (const { group, settings } of groups) makeGroup(group, settings);
      return {
        kill: () => {
          for (const { group } of groups) attempt(() => write(`${group}/cgroup.kill`, '1'));
        },
        remove: async () => {
          for (const { group } of groups) await removeGroup(group);
        },
      };
    },
    sweep: () => {
      for (const folder of folders.keys()) {
        for (const name of readdirSync(folder)) {
          const mark = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : '';
          if (isMark(mark) && isAlive(mark) === false) attempt(() => rmdirSync(`${folder}/${name}`));
        }
      }
    },
  };
}

function wantedOf({ memoryMegabytes, cpus, processes }: RunLimits): Controller[] {
  return [
    ...(memoryMegabytes > 0 ? (['memory'] as const) : []),
    ...(cpus > 0 ? (['cpu'] as const) : []),
    ...(processes > 0 ? (['pids'] as const) : []),
  ];
}

function settingsV2(controller: Controller, { memoryMegabytes, cpus, processes }: RunLimits): Settings {
  switch (controller) {
    case 'memory':
      return [['memory.max', String(memoryMegabytes * MEGABYTE)]];
    case 'cpu':
      return [['cpu.max', `${cpus * CPU_PERIOD_US} ${CPU_PERIOD_US}`]];
    case 'pids':
      return [['pids.max', String(processes)]];
  }
}

function settingsV1(controller: Controller, { memoryMegabytes, cpus, processes }: RunLimits): Settings {
  switch (controller) {
    case 'memory':
      return [['memory.limit_in_bytes', String(memoryMegabytes * MEGABYTE)]];
    case 'cpu':
      return [
        ['cpu.cfs_period_us', String(CPU_PERIOD_US)],
        ['cpu.cfs_quota_us', String(cpus * CPU_PERIOD_US)],
      ];
    case 'pids':
      return [['pids.max', String(processes)]];
  }
}

interface Hierarchy {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  /** The worker's own group. */
  readonly folder: string;
}

/** This process's groups. See cgroups(7) for both files. */
function hierarchiesOf(): Hierarchy[] {
  const mounts = lines('/proc/self/mountinfo').flatMap(line => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root = '', point = ''] = before.split(' ');
    const [type = '', , options = ''] = after.split(' ');
    return type.startsWith('cgroup') ? [{ type, root, point, options: options.split(',') }] : [];
  });
  return lines('/proc/self/cgroup').flatMap(line => {
    const [, names = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const controllers = names.split(',').filter(Boolean);
    const version = controllers.length === 0 ? 2 : 1;
    const mount = mounts.find(({ type, options }) =>
      version === 2
        ? type === 'cgroup2'
        : type === 'cgroup' && controllers.every(name => options.includes(name)),
    );
    if (!mount) return [];
    const below = mount.root !== '/' && path.startsWith(mount.root) ? path.slice(mount.root.length) : path;
    const folder = `${mount.point}${below === '/' ? '' : below}`;
    return existsSync(`${folder}/cgroup.procs`) ? [{ version, controllers, folder }] : [];
  });
}

/** Whether child groups can have a controller. If necessary, the worker moves itself into a child group. */
function isDelegated(folder: string, controller: Controller): boolean {
  const enable = () => {
    write(`${folder}/cgroup.subtree_control`, `+${controller}`);
  };
  try {
    if (!readFileSync(`${folder}/cgroup.controllers`, 'latin1').split(/\s+/).includes(controller))
      return false;
    try {
      enable();
    } catch (error) {
      // A group that contains processes cannot delegate controllers (EBUSY). Other programs' processes are not moved.
      const pids = lines(`${folder}/cgroup.procs`);
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || pids.some(pid => pid !== String(process.pid)))
        return false;
      mkdirSync(`${folder}/${PREFIX}worker-${process.pid}`);
      write(`${folder}/${PREFIX}worker-${process.pid}/cgroup.procs`, '0');
      enable();
    }
    return true;
  } catch {
    return false;
  }
}

function canMakeGroups(folder: string): boolean {
  const group = `${folder}/${PREFIX}try-${process.pid}`;
  try {
    mkdirSync(group);
    rmdirSync(group);
    return true;
  } catch {
    return false;
  }
}

function makeGroup(group: string, settings: Settings): void {
  mkdirSync(group);
  try {
    for (const [file, value] of settings) write(`${group}/${file}`, value);
  } catch (error) {
    attempt(() => rmdirSync(group));
    throw error;
  }
}

/** The kernel releases dead processes with a delay. The next start of a worker removes the remaining groups. */
async function removeGroup(group: string): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      rmdirSync(group);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') return;
      await sleep(PAUSE_MS);
    }
  }
}

function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // Best effort.
  }
}

function write(file: string, text: string): void {
  // Missing files must not be created.
  writeFileSync(file, text, { flag: 'r+' });
}

function lines(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean);
}
