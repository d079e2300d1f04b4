import { lstatSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { relative } from 'node:path';
import { shellQuoted } from '../../../base/index.ts';
import { isBelow } from '../../files/is-below.ts';
import { makeFolders } from '../../files/make-folders.ts';
import type { HostPath } from '../engine.ts';

/** World-writable folders that are private to each run, by their names in the run's state folder. */
const PRIVATE = { tmp: '/tmp', 'var-tmp': '/var/tmp' } as const;

/**
 * Folders that a run sees empty: world-writable ones, and those of services that later run something for a user. Otherwise
 * files left in them would outlive the run, or be executed after it.
 */
const HIDDEN = [
  '/run/lock',
  '/run/screen',
  '/var/crash',
  '/var/spool/at',
  '/var/spool/cron',
  '/var/spool/mail',
  '/var/mail',
];

const EVERYBODYS = 0o1777;

/** The private folders of a run, and where they lie. */
export interface PrivatePlaces {
  /** Shell lines for the run's first process (OtherUser) that mount everything. `$5` is the run's state folder. */
  readonly lines: string;
  /** Creates the mounted folders. */
  make(state: string): Promise<void>;
  /** The place on the machine of a path in one of the private folders; undefined for any other path. */
  hostPath(state: string, path: string): HostPath | undefined;
}

/**
 * @param options.shown folders that runs must see at their place, even if they are in /tmp
 * @param options.accounts whether runs have their own passwd and group files
 */
export function privatePlaces({
  shown,
  accounts,
}: {
  readonly shown: readonly string[];
  readonly accounts: boolean;
}): PrivatePlaces {
  // A link such as /var/tmp → /tmp leads to another of these folders, or to one that is hidden by its own name.
  const places = Object.entries(PRIVATE).filter(([, path]) => isFolder(path));
  const hidden = HIDDEN.filter(isFolder);
  const kept = places.flatMap(([name, path]) =>
    shown
      .filter(folder => isBelow(folder, path))
      .map(folder => ({ folder, name, below: relative(path, folder) })),
  );
  // Bind the shown folders before the folder that contains them is covered.
  const lines = [
    ...kept.map(
      ({ folder, name, below }) => `"$3" -o bind ${shellQuoted(folder)} "$5/${name}"/${shellQuoted(below)}`,
    ),
    ...places.map(([name, path]) => `"$3" -o rbind "$5/${name}" ${path}`),
    ...hidden.map(path => `"$3" -o bind "$5/empty" ${path}`),
    ...(isFolder('/dev/shm') ? ['"$3" -t tmpfs -o nosuid,nodev,mode=1777 shm /dev/shm'] : []),
    ...(isFolder('/dev/mqueue') ? ['"$3" -t mqueue -o nosuid,nodev,noexec mqueue /dev/mqueue'] : []),
    ...(accounts ? ['passwd', 'group'].map(file => `"$3" -o bind "$5/${file}" /etc/${file}`) : []),
  ];
  return {
    lines: lines.join(' &&\n'),
    make: async state => {
      for (const [name] of places) {
        await mkdir(`${state}/${name}`);
        await chmod(`${state}/${name}`, EVERYBODYS);
      }
      await mkdir(`${state}/empty`, { mode: 0o755 });
      for (const { name, below } of kept) {
        await makeFolders(`${state}/${name}/${below}`);
        for (let folder = below; folder !== '.' && folder !== ''; folder = parentOf(folder)) {
          await chmod(`${state}/${name}/${folder}`, 0o711);
        }
      }
    },
    hostPath: (state, path) => {
      if (kept.some(({ folder }) => isBelow(path, folder))) return undefined;
      const place = places.find(([, folder]) => isBelow(path, folder) && path !== folder);
      if (!place) return undefined;
      const within = `${state}/${place[0]}`;
      return { path: `${within}/${relative(place[1], path)}`, within };
    },
  };
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}

/** Links such as /var/mail are covered by the folders to which they lead. */
function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
