import { IllegalOperationError, type ChannelModel } from 'amqplib';
import type { Writable } from 'node:stream';
import { BehaviorSubject } from 'rxjs';
import type { PulseError } from '../../errors.ts';
import type { TransportConnection } from '../transport.ts';
import { answeredWithin, UnansweredError } from './answered.ts';
import { amqpChannel } from './channel.ts';
import { channelError, connectionError } from './errors.ts';
import { readHeaderFrames, type FrameReader } from './header-frames.ts';
import { writeTogether } from './write-together.ts';

/** How long the other side may take, in ms, to answer a close, and to close its half of the socket. */
const GOODBYE_MS = 2_000;

/** What amqplib's types do not show of a connection. */
interface Inner {
  readonly stream?: Writable;
  /** What was negotiated, in bytes. */
  readonly frameMax: number;
}

/**
 * One connection over amqplib.
 *
 * @param destroySocket ends the socket at once. amqplib ends only its half of it, and a peer that is gone never ends
 *   the other: that would keep the process alive until the system gives up on what was not sent.
 * @param answerMs how long the broker may take to answer a call
 * @param user who is logged in
 */
export function amqpConnection(
  model: ChannelModel,
  destroySocket: () => void,
  answerMs: number,
  user?: string,
): TransportConnection {
  const { promise: closed, resolve } = Promise.withResolvers<PulseError>();
  const blocked$ = new BehaviorSubject<string | undefined>(undefined);
  let reason: PulseError | undefined;
  let closing: Promise<void> | undefined;
  const inner = model.connection as unknown as FrameReader & Inner;
  readHeaderFrames(inner);
  const published = writeTogether(inner.stream);
  // During an alarm it reads nothing from a connection that publishes.
  const answered = answeredWithin(answerMs, () => blocked$.value !== undefined);
  const end = (error: unknown) => {
    reason ??= connectionError(error);
    resolve(reason);
  };

  model.on('blocked', blockedBecause => {
    blocked$.next(blockedBecause);
  });
  model.on('unblocked', () => {
    blocked$.next(undefined);
  });
  // amqplib emits `error` for all but an operator's close, and `close` after each of them.
  model.on('error', end);
  model.on('close', error => {
    end(error);
    blocked$.complete();
    setTimeout(destroySocket, GOODBYE_MS).unref();
  });

  const close = async () => {
    // Rejects when it is closed already, and never settles when the other side does not answer.
    model.close().catch(() => undefined);
    const impatience = setTimeout(() => {
      destroySocket();
      end(new Error('the broker did not answer the close'));
    }, GOODBYE_MS);
    await closed;
    clearTimeout(impatience);
  };

  return {
    closed,
    blocked$,
    async openChannel({ confirms }) {
      try {
        const opening = confirms ? model.createConfirmChannel() : model.createChannel();
        const { frameMax } = inner;
        return amqpChannel(await answered(opening), {
          reason: () => reason,
          published,
          user,
          frameMax,
          answered,
        });
      } catch (error) {
        if (error instanceof UnansweredError) {
          end(error);
          destroySocket();
        }
        // A connection that ended in the packet that opened it had nobody to tell of its end: this is where it shows.
        if (error instanceof IllegalOperationError && !closing) end(error);
        throw reason ?? channelError(error);
      }
    },
    close: () => (closing ??= close()),
  };
}
