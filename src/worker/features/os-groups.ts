import { execFileSync } from 'node:child_process';
import { ownSchemaPart } from '../schema-part.ts';
import { machineGroups } from '../files/machine-groups.ts';
import { feature, serving } from './feature.ts';

/**
 * `osGroups`: groups that the task's user must be in. An engine that creates a user for each task adds that
 * user to them. An engine that runs commands as the worker's own user has only that user's groups.
 */
export const osGroups = feature({
  name: 'osGroups',
  schema: { 'generic-worker': () => ownSchemaPart('generic-worker', 'os-groups') },
  properties: {
    enableOSGroups: {
      type: 'boolean',
      default: true,
      description: 'Allow payloads to request groups of the operating system',
      since: 'generic-worker',
    },
  },
  enabledBy: 'enableOSGroups',
  open: ({ config: { provisionerId, workerType }, engineFor }) => {
    let own: ReadonlySet<string> | undefined;
    return serving<readonly string[]>({
      ask: ({ osGroups: wanted }) => (wanted.length === 0 ? undefined : wanted),
      check: (wanted, task) => {
        const { capabilities } = engineFor(task);
        if (capabilities.has('task-users')) return unknownGroups(wanted);
        if (!capabilities.has('own-user'))
          return [`this worker's engine cannot serve feature "osGroups": it lacks own-user`];
        own ??= ownGroups();
        const missing = wanted.filter(group => !own?.has(group)).map(group => JSON.stringify(group));
        if (missing.length === 0) return [];
        const groups = `the group${missing.length > 1 ? 's' : ''} ${missing.join(', ')}`;
        return [`osGroups: the user of this worker, as which its tasks run, is not in ${groups}`];
      },
      scopes: groups =>
        groups.map(group => `generic-worker:os-group:${provisionerId}/${workerType}/${group}`),
      start: () => ({}),
    });
  },
});

function unknownGroups(wanted: readonly string[]): string[] {
  const groups = machineGroups();
  return wanted
    .filter(group => !groups.has(group))
    .map(group => `osGroups: this machine has no group ${JSON.stringify(group)}`);
}

/** Returns the names of this process's groups. Determined once, for the first task that asks for groups. */
function ownGroups(): ReadonlySet<string> {
  try {
    const names = execFileSync('id', ['-Gn'], { encoding: 'utf8', timeout: 2_000 });
    return new Set(names.split(/\s+/).filter(name => name !== ''));
  } catch {
    return new Set();
  }
}
