import type { Observable } from 'rxjs';
import { checkConsumedQueue } from '../consume/check-options.ts';
import type { ConsumeOptions, ConsumerEvent } from '../consume/consume-options.ts';
import type { PulseMessage } from '../consume/message.ts';
import { PLAIN_CONSUME_OPTIONS, type MessagesOptions } from '../consume/messages.ts';
import { checkOptions, type OptionKinds } from '../options.ts';
import { untilAborted } from '../session/abort.ts';
import type { Log } from '../telemetry/log.ts';
import { handle, HANDLE_OPTIONS } from './handle.ts';
import type {
  BatchHandleOptions,
  BatchHandler,
  HandleEvent,
  HandleOptions,
  HandleResult,
  Handler,
} from './handle-options.ts';
import { logHandleEvent, logResult } from './handle-log.ts';

/** Options of `pulse.handle` in addition to those of {@link MessagesOptions} and {@link HandleOptions}. */
interface UntilStopped extends Omit<MessagesOptions, 'ack' | 'onEvent' | 'onBadMessage'> {
  /** Receives the consumer's events and the events that concern all handlers. */
  readonly onEvent?: ((event: ConsumerEvent | HandleEvent) => void) | undefined;
  /**
   * Receives the result of each attempt. Without it, failed attempts are logged to the connection's `logger`, or to
   * stderr if there is no logger.
   */
  readonly onResult?: ((result: HandleResult<PulseMessage>) => void) | undefined;
}

/** Options of `pulse.handle`: the consumer options that do not need an Observable, and {@link HandleOptions}. */
export interface HandleMessagesOptions extends UntilStopped, Omit<HandleOptions, 'onEvent'> {}

/** Options of `pulse.handle` for batches. */
export interface HandleBatchesOptions extends UntilStopped, Omit<BatchHandleOptions, 'onEvent'> {}

type Options = (HandleMessagesOptions | HandleBatchesOptions) & Pick<ConsumeOptions<unknown>, 'bindings'>;

const KINDS: OptionKinds<Options> = {
  ...PLAIN_CONSUME_OPTIONS,
  ...HANDLE_OPTIONS,
  signal: 'signal',
  onResult: 'function',
};

/**
 * Handles the messages of a queue until the signal is aborted or the connection is closed.
 *
 * @throws PulseError for bad options, and for an error that a retry would not fix
 */
export async function handleUntilStopped(
  consume: (options: ConsumeOptions<unknown>) => Observable<PulseMessage>,
  options: Options,
  handler: Handler<PulseMessage> | BatchHandler<PulseMessage>,
  log: Log,
): Promise<void> {
  checkOptions('handle', options, KINDS);
  checkConsumedQueue('handle', options);
  const { signal, onResult, onEvent, ...both } = options;
  const { concurrency, retry, timeoutMs, batch, onBadMessage, deadLetter, around, ...consumeOptions } = both;
  const handleOptions = {
    concurrency,
    retry,
    timeoutMs,
    batch,
    onBadMessage,
    deadLetter,
    around,
    onEvent: (event: HandleEvent) => {
      logHandleEvent(log, event);
      onEvent?.(event);
    },
  };
  const operator = handle(handler as Handler<PulseMessage>, handleOptions as HandleOptions);
  if (signal?.aborted) return;
  const messages$ = consume({ ...consumeOptions, onEvent, until$: untilAborted(signal) });
  await new Promise<void>((resolve, reject) => {
    messages$.pipe(operator).subscribe({
      next: result => {
        if (onResult) onResult(result);
        else logResult(log, result);
      },
      error: reject,
      complete: resolve,
    });
  });
}
