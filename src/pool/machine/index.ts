/** Shuts the machine down after the worker has ended. */
export { shutDownAfter, shutDownNow, warnOfShutdown } from './shut-down-after.ts';
export { wantsShutdown } from './wants-shutdown.ts';
