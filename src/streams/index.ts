/**
 * The events that matter to a Taskcluster worker, as RxJS Observables: pending notices, exceptions of its runs, claim
 * expiry, deadlines, and signals.
 *
 * @module tcw/streams
 */
export { claimExpiry, renewals, type ClaimTime, type RenewalOptions } from './claim-expiry.ts';
export { runExceptions, type RunException } from './exceptions.ts';
export type { Feed, OnProblem } from './feed.ts';
export { deadline, longTimer, type TimerOptions } from './long-timer.ts';
export { pendingNotices, type PendingNotice } from './pending.ts';
export { shutdownSignals, type Shutdown, type SignalSource } from './shutdown.ts';
