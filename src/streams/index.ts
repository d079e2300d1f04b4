/**
 * What a worker listens to, as Observables: pending notices, exceptions of its runs, claims about to expire, deadlines,
 * the operating system's signals.
 *
 * @module tcw/streams
 */
export { claimExpiry, renewals, type ClaimTime, type ExpiryOptions } from './claim-expiry.ts';
export { runExceptions, type RunException } from './exceptions.ts';
export type { Feed, OnProblem } from './feed.ts';
export { deadline, longTimer } from './long-timer.ts';
export { pendingNotices, type PendingNotice } from './pending.ts';
export { shutdownSignals, type Shutdown, type SignalSource } from './shutdown.ts';
