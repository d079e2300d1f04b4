import { IllegalOperationError, type ChannelModel } from 'amqplib';
import type { Writable } from 'node:stream';
import { BehaviorSubject } from 'rxjs';
import type { PulseError } from '../../errors.ts';
import type { TransportConnection } from '../transport.ts';
import { answeredWithin, UnansweredError } from './answered.ts';
import { amqpChannel } from './channel.ts';
import { channelError, connectionError } from './errors.ts';
import { readHeaderFrames, type FrameReader } from './properties/header-frames.ts';
import { writeTogether } from './publishing/write-together.ts';

/** How long the broker may take, in ms, to answer a close and to close its half of the socket. */
const CLOSE_MS = 2_000;

/** The parts of a connection that amqplib's types do not declare. */
interface Inner {
  readonly stream?: Writable;
  /** The negotiated maximum size of a frame, in bytes. */
  readonly frameMax: number;
}

/**
 * One connection over amqplib.
 *
 * @param destroySocket closes the socket at once. amqplib closes only its own half, and an unreachable peer never
 *   closes the other half. That would keep the process alive until the operating system gives up on the unsent data.
 * @param answerMs time limit for the broker's answer to a call
 * @param user the user who is logged in
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
  // During an alarm, the broker reads nothing from a connection that publishes.
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
  // amqplib emits `error` unless an operator closed the connection, and emits `close` in every case.
  model.on('error', end);
  model.on('close', error => {
    end(error);
    blocked$.complete();
    setTimeout(destroySocket, CLOSE_MS).unref();
  });

  const close = async () => {
    // Rejects if the connection is already closed, and never settles if the broker does not answer.
    model.close().catch(() => undefined);
    const timer = setTimeout(() => {
      destroySocket();
      end(new Error('the broker did not answer the close'));
    }, CLOSE_MS);
    await closed;
    clearTimeout(timer);
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
        // If the packet that opened the connection also closed it, no listener was registered yet. It shows only here.
        if (error instanceof IllegalOperationError && !closing) end(error);
        throw reason ?? channelError(error);
      }
    },
    close: () => (closing ??= close()),
  };
}
