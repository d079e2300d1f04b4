/** What the worker does to its machine when it has ended. */
export { shutDownAfter, shutDownNow, warnOfShutdown } from './shut-down-after.ts';
export { wantsShutdown } from './wants-shutdown.ts';
