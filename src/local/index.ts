/** A Taskcluster queue on this machine, for `tcw dev` and for tests. */
export type { LocalClient } from './auth/temporary-credentials.ts';
export { systemClock, type Clock } from './clock.ts';
export { startLocalQueue, type LocalQueue, type LocalQueueOptions } from './local-queue.ts';
export type { Message, Publish } from './message.ts';
