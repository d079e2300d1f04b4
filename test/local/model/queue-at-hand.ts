import { Secret } from '../../../src/pulse/index.ts';
import type { Message } from '../../../src/local/index.ts';
import { createObjectTable } from '../../../src/local/object/object-table.ts';
import { createQueue, type Queue } from '../../../src/local/queue/queue.ts';
import { createSignedUrls } from '../../../src/local/storage/signed-urls.ts';
import { createTestClock, type TestClock } from '../test-clock.ts';
import { CLAIM_DELAY, CLAIM_TIMEOUT, DEADLINE_DELAY } from './queue-model.ts';

/** The parts of a queue without its HTTP, and what it has published. */
export interface QueueAtHand {
  readonly queue: Queue;
  readonly clock: TestClock;
  readonly messages: Message[];
  readonly errors: unknown[];
}

export function createQueueAtHand(): QueueAtHand {
  const clock = createTestClock();
  const messages: Message[] = [];
  const errors: unknown[] = [];
  const queue = createQueue({
    clock,
    publish: async message => void messages.push(message),
    onError: error => errors.push(error),
    objects: createObjectTable(),
    urls: createSignedUrls(() => 'http://localhost'),
    ownClient: { clientId: 'queue', accessToken: new Secret('token'), scopes: ['*'] },
    claimTimeoutMs: CLAIM_TIMEOUT,
    longPollMs: 0,
    checkIntervalMs: 0,
    deadlineDelayMs: DEADLINE_DELAY,
    claimDelayMs: CLAIM_DELAY,
    dependencyDelayMs: 0,
  });
  return { queue, clock, messages, errors };
}
