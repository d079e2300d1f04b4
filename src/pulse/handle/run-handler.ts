import type { PulseMessage } from '../consume/message.ts';
import type { BatchHandleOptions, BatchHandler, HandleOptions, Handler } from './handle-options.ts';
import type { Failure, HandlerCall } from './handler-call.ts';

/**
 * Runs the handler of a call. The call ends when the handler returns, throws or times out, whichever happens first. A
 * later result is ignored.
 *
 * @param ended called once, with the failure of each message; synchronously unless the handler returned a promise
 */
export function runHandler<M extends PulseMessage>(
  call: HandlerCall<M>,
  handler: Handler<M> | BatchHandler<M>,
  options: HandleOptions | BatchHandleOptions,
  ended: (failures: readonly (Failure | undefined)[]) => void,
): void {
  const { batch, timeoutMs } = options;
  const end = (failures: readonly (Failure | undefined)[]) => {
    if (call.ended) return;
    call.end();
    ended(failures);
  };
  const returned = (value: unknown) => {
    end(call.failuresIn(value, batch !== undefined));
  };
  const threw = (error: unknown) => {
    end(call.items.map(() => ({ error })));
  };
  let result: unknown;
  try {
    result = call.run(bound(call, handler, options));
    if (isThenable(result)) {
      if (timeoutMs !== undefined) call.limit(timeoutMs, threw);
      // A foreign promise may settle twice or throw.
      Promise.resolve(result).then(returned, threw);
      return;
    }
  } catch (error) {
    threw(error);
    return;
  }
  returned(result);
}

/** Binds a handler to the messages of a call. */
function bound<M extends PulseMessage>(
  call: HandlerCall<M>,
  handler: Handler<M> | BatchHandler<M>,
  { around, batch }: HandleOptions | BatchHandleOptions,
): () => unknown {
  const messages = call.items.map(({ message }) => message);
  if (batch) return () => (handler as BatchHandler<M>)(messages, call);
  const [message] = messages as [M];
  const run = () => (handler as Handler<M>)(message, call);
  return around ? () => around(message, call, run) : run;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
