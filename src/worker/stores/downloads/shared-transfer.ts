import { unlessAborted } from '../../../base/index.ts';
import type { Located } from './fetch-content.ts';

/** Somebody who wants the content of a transfer. */
export interface Wanting {
  /** Finds out where the content is, with the rights of whoever wants it. */
  readonly locate: (signal: AbortSignal) => Promise<Located>;
  /** Told why a try failed. */
  readonly onRetry: (reason: string) => void;
  readonly signal: AbortSignal;
}

/** What a transfer needs from those who want it. */
export type TransferFor<T> = (wanted: {
  locate: (signal: AbortSignal) => Promise<Located>;
  onRetry: (reason: string) => void;
  signal: AbortSignal;
}) => Promise<T>;

/** One transfer for all who want the same content at the same time. It goes on for as long as one of them wants it. */
export interface SharedTransfer<T> {
  /** @throws the error of the transfer, or the reason of the signal of whoever wants it */
  join(wanting: Wanting): Promise<T>;
  /** Whether nobody wanted it any more, so that nobody can join it. */
  readonly isGivenUp: boolean;
  /** Settles when the transfer has ended, however it ended. Never rejects. */
  readonly ended: Promise<void>;
}

export function sharedTransfer<T>(transfer: TransferFor<T>): SharedTransfer<T> {
  const all = new Set<Wanting>();
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
      // Of those who want it, one may have lost its rights meanwhile.
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
