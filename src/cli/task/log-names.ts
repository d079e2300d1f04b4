import type { QueueApi } from '../../taskcluster/index.ts';

/** Returns the artifact names under which the log of a task may be found, the live log first. */
export function logNames({ payload }: Pick<QueueApi['task']['output'], 'payload'>): string[] {
  const { log, logs } = payload as { readonly log?: unknown; readonly logs?: unknown };
  const { live, backing } = (typeof logs === 'object' && logs !== null ? logs : {}) as {
    readonly live?: unknown;
    readonly backing?: unknown;
  };
  const names = [live ?? log ?? 'public/logs/live.log', backing ?? 'public/logs/live_backing.log'];
  return names.filter(name => typeof name === 'string' && name !== '') as string[];
}
