import { lstatSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { relative } from 'node:path';
import { shellQuoted } from '../../../base/index.ts';
import { isBelow } from '../../files/is-below.ts';
import { makeFolders } from '../../files/make-folders.ts';
import type { HostPath } from '../engine.ts';

/** Folders of the machine that everybody can write to, and that a run has for itself, by their names in the run's state. */
const PRIVATE = { tmp: '/tmp', 'var-tmp': '/var/tmp' } as const;

/**
 * Folders of services that run something for a user later, or that everybody can write to, which a run sees empty. What is
 * left in them would otherwise be started, or be there, when the run is over.
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

/** What a run sees in the place of folders of the machine, and where that lies. */
export interface PrivatePlaces {
  /** Lines for the first process of a run (OtherUser), which mount all of it. `$5` is the run's state. */
  readonly lines: string;
  /** Makes what is mounted. */
  make(state: string): Promise<void>;
  /** Where on the machine lies what a run sees at a path in one of its own folders; undefined for any other path. */
  hostPath(state: string, path: string): HostPath | undefined;
}

/**
 * @param options.shown folders that runs have to see where they are, though they may lie in /tmp
 * @param options.accounts whether a run has files of users and groups of its own
 */
export function privatePlaces({
  shown,
  accounts,
}: {
  readonly shown: readonly string[];
  readonly accounts: boolean;
}): PrivatePlaces {
  // A link, such as one from /var/tmp to /tmp, leads to another of them, or to what is hidden under its own name.
  const places = Object.entries(PRIVATE).filter(([, path]) => isFolder(path));
  const hidden = HIDDEN.filter(isFolder);
  const kept = places.flatMap(([name, path]) =>
    shown
      .filter(folder => isBelow(folder, path))
      .map(folder => ({ folder, name, below: relative(path, folder) })),
  );
  // The folder that is shown is found under its own name only before the place that it lies in is covered.
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

/** Links to folders, such as /var/mail, are found by the folder that they lead to. */
function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
