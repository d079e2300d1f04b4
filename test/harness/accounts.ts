import { connect } from 'amqplib';
import { setTimeout as sleep } from 'node:timers/promises';

/** The two users of definitions.json, as URLs of a broker on this machine. */
export interface AccountUrls {
  /** The user `tcw-test`, with the permissions of a Pulse user. */
  readonly pulseUrl: string;
  /** The user `taskcluster-queue`, who owns the exchanges `exchange/taskcluster-queue/…`. */
  readonly queuePulseUrl: string;
}

export function accountUrls(port: number): AccountUrls {
  return {
    pulseUrl: `amqp://tcw-test:tcw-test-password@127.0.0.1:${port}/%2F`,
    queuePulseUrl: `amqp://taskcluster-queue:taskcluster-queue-password@127.0.0.1:${port}/%2F`,
  };
}

/**
 * Waits until both users can log in. This is later than the opening of the port.
 *
 * @param waitMs how long to retry; then the last refusal is thrown
 * @param gone aborted when the broker has ended
 */
export async function awaitLogins(urls: AccountUrls, waitMs: number, gone?: AbortSignal): Promise<void> {
  const end = performance.now() + waitMs;
  for (const url of [urls.pulseUrl, urls.queuePulseUrl]) {
    for (;;) {
      gone?.throwIfAborted();
      try {
        await logIn(url);
        break;
      } catch (error) {
        if (performance.now() > end) {
          const { username, host } = new URL(url);
          throw new Error(`user ${username} cannot log in at ${host}: ${String(error)}`, { cause: error });
        }
        await sleep(100);
      }
    }
  }
}

async function logIn(url: string): Promise<void> {
  const connection = await connect(url, { timeout: 5_000 });
  await connection.close();
}
