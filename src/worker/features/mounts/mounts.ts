import { ownSchemaPart } from '../../schema-part.ts';
import type { FormatName, MountSpec } from '../../task-spec.ts';
import { feature, serving } from '../feature.ts';
import { mountProblems } from './ask.ts';

interface Ask {
  readonly wanted: readonly MountSpec[];
  /** Scopes begin with this name. */
  readonly format: FormatName;
  readonly isContainer: boolean;
}

/** `mounts`: files, directories and caches that exist before the commands run. `cache`: the caches of a container. */
export const mounts = feature({
  name: 'mounts',
  schema: {
    'generic-worker': () => ownSchemaPart('generic-worker', 'mounts'),
    'docker-worker': () => ownSchemaPart('docker-worker', 'cache'),
  },
  properties: {
    enableMounts: {
      type: 'boolean',
      default: true,
      description: 'Allow payloads to request mounts and caches',
      since: 'generic-worker',
    },
    cachesDir: {
      type: 'directory',
      default: 'caches',
      description: 'Directory that keeps caches between tasks',
      since: 'generic-worker',
    },
    downloadsDir: {
      type: 'directory',
      default: 'downloads',
      description: 'Directory that keeps downloaded content of mounts',
      since: 'generic-worker',
    },
  },
  enabledBy: 'enableMounts',
  open: async worker => {
    // Most of the code is loaded by workers only, not with the configuration. Code for unpacking is loaded by
    // the first task that needs it.
    const { mountStores } = await import('./stores.ts');
    const stores = worker.config.enableMounts ? await mountStores(worker.config, worker) : undefined;
    return serving<Ask>({
      needsFor: ({ isContainer }) => [isContainer ? 'containers' : 'host-files'],
      ask: ({ mounts: wanted, format, container }) =>
        wanted.length === 0 ? undefined : { wanted, format, isContainer: container !== undefined },
      // Containers have only caches. Their format has already checked the paths.
      check: ({ wanted, isContainer }, _, { task }) =>
        isContainer ? [] : mountProblems(wanted, task.dependencies ?? []),
      scopes: ({ wanted, format }) =>
        wanted.flatMap(mount => (mount.kind === 'cache' ? [`${format}:cache:${mount.cacheName}`] : [])),
      start: async ({ wanted }, run) => {
        if (!stores) throw new Error('mounts are not enabled');
        const { mountFor } = await import('./mount-for.ts');
        return mountFor(run, wanted, stores, worker.config.rootURL);
      },
      [Symbol.asyncDispose]: () => stores?.[Symbol.asyncDispose]() ?? Promise.resolve(),
    });
  },
});
