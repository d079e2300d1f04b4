import { NEVER } from 'rxjs';
import type { WorkerConfig } from '../worker/config/index.ts';
import type { Host } from './host.ts';
import { shutDownAfter, warnOfShutdown } from './machine/index.ts';
import type { Note } from './note.ts';

/** The host of a worker that only has a configuration file. The worker shuts the machine down by itself. */
export function standaloneHost(config: WorkerConfig, note: Note): Host {
  warnOfShutdown(config, note);
  return {
    credentials$: NEVER,
    shutdownRequest$: NEVER,
    reportError: () => Promise.resolve(),
    ended: exitCode => shutDownAfter(exitCode, config, note),
  };
}
