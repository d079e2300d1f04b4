import taskcluster from 'taskcluster-client';

import type { Credentials, QueueUnderTest } from './queue-under-test.ts';

export interface TemporaryOptions {
  clientId?: string;
  scopes: string[];
  start?: Date;
  expiry: Date;
  credentials: Credentials;
}

const { createTemporaryCredentials } = taskcluster as unknown as {
  createTemporaryCredentials: (options: TemporaryOptions) => Credentials;
};

export const HOUR = 3_600_000;
export const inMs = (ms: number) => new Date(Date.now() + ms);

/** Credentials that root gives away, for the status of every task. */
export function temporary(queue: QueueUnderTest, options: Partial<TemporaryOptions> = {}): Credentials {
  return createTemporaryCredentials({
    scopes: ['queue:status:*'],
    expiry: inMs(HOUR),
    credentials: queue.credentials.root,
    ...options,
  });
}
