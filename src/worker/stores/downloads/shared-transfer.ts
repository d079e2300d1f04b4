import { unlessAborted } from '../../../base/index.ts';
import type { Located } from './fetch-content.ts';

/** A run that wants the content of a transfer. */
export interface TransferClient {
  /** Finds the location of the content, with this run's rights. */
  readonly locate: (signal: AbortSignal) => Promise<Located>;
  /** Called with the reason of a failed attempt. */
  readonly onRetry: (reason: string) => void;
  readonly signal: AbortSignal;
}

/** Creates a transfer, given what its participants provide. */
export type TransferFor<T> = (wanted: {
  locate: (signal: AbortSignal) => Promise<Located>;
  onRetry: (reason: string) => void;
  signal: AbortSignal;
}) => Promise<T>;

/**
 * One transfer for all runs that want the same content at the same time. It continues as long as one of them
 * wants it.
 */
export interface SharedTransfer<T> {
  /** @throws the error of the transfer, or the reason of the participant's signal */
  join(wanting: TransferClient): Promise<T>;
  /** Whether nobody wanted it any more, so that it can no longer be joined. */
  readonly isGivenUp: boolean;
  /** Settles when the transfer has ended in any way. Never rejects. */
  readonly ended: Promise<void>;
}

export function sharedTransfer<T>(transfer: TransferFor<T>): SharedTransfer<T> {
  const all = new Set<TransferClient>();
  const controller = new AbortController();
  const { signal } = controller;
  let started: Promise<T> | undefined;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();

  const start = () =>
    transfer({
      signal,
      onRetry: reason => {
        for (const { onRetry } of all) onRetry(reason);
      },
      // One of the participants may have lost its rights in the meantime.
      locate: async until => {
        let refusal: unknown;
        for (const wanting of all) {
          try {
            return await wanting.locate(until);
          } catch (error) {
            until.throwIfAborted();
            refusal = error;
          }
        }
        throw refusal;
      },
    });

  return {
    ended,
    get isGivenUp() {
      return signal.aborted;
    },
    join: async wanting => {
      wanting.signal.throwIfAborted();
      all.add(wanting);
      const leave = () => {
        all.delete(wanting);
        if (all.size === 0) controller.abort(wanting.signal.reason);
      };
      if (!started) {
        started = start();
        started.then(
          () => {
            end();
          },
          () => {
            end();
          },
        );
      }
      wanting.signal.addEventListener('abort', leave, { once: true });
      return unlessAborted(started, wanting.signal).finally(() => {
        wanting.signal.removeEventListener('abort', leave);
      });
    },
  };
}
