import type { Clock } from './clock.ts';
import type { Message, Publish } from './message.ts';

export interface Publisher {
  /** Publishes for a call, which fails when the broker does not accept the message. */
  publish: Publish;
  /** Publishes for a resolver, for which nobody waits. Retries until the broker accepts the message. */
  publishWithRetries: Publish;
  /** Gives up messages that still wait for the broker. */
  close(): void;
}

const TRY_AGAIN_MS = 1_000;

export function createPublisher(
  publish: Publish,
  clock: Clock,
  onError: (error: unknown) => void,
): Publisher {
  let closed = false;
  const waiting = new Set<() => void>();

  async function publishWithRetries(message: Message): Promise<void> {
    while (!closed) {
      try {
        await publish(message);
        return;
      } catch (error) {
        onError(error);
        await tryAgain();
      }
    }
  }

  function tryAgain(): Promise<void> {
    return new Promise(resolve => {
      const done = (): void => {
        stop();
        waiting.delete(done);
        resolve();
      };
      const stop = clock.after(TRY_AGAIN_MS, done);
      waiting.add(done);
    });
  }

  return {
    publish,
    publishWithRetries,
    close() {
      closed = true;
      for (const done of waiting) done();
    },
  };
}
