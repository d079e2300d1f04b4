/** A typed face on taskcluster-client, for every call of the queue that a worker makes. */
export { queueCalls, type Call } from './calls.ts';
export type { Claim, Lease } from './claim.ts';
export type { Credentials } from './credentials.ts';
export { QueueError } from './errors.ts';
export * from './generated/api.ts';
export { CALL_POLICIES, type CallPolicy, type QueueCall } from './policies.ts';
export { connectQueue, type Queue, type RunCalls } from './queue.ts';
