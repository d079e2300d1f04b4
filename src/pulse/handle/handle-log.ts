import { errorText } from '../error-text.ts';
import type { PulseMessage } from '../consume/message.ts';
import type { Log } from '../telemetry/log.ts';
import { Verdict } from '../verdict.ts';
import type { HandleEvent, HandleResult } from './handle-options.ts';

/** Logs a failed attempt. */
export function logResult(log: Log, result: HandleResult<PulseMessage>): void {
  const { message, outcome, attempts, error, retryInMs } = result;
  // A handler may throw undefined.
  if (!('error' in result) || outcome === 'acked') return;
  const { exchange, routingKey } = message;
  const fields = {
    exchange,
    routingKey,
    outcome,
    attempts,
    err: error,
    ...(retryInMs !== undefined && { retryInMs }),
  };
  const text = `the handler failed: ${errorText(error)}`;
  if (error instanceof Verdict) log.info(fields, `a message was ${outcome}: ${errorText(error)}`);
  else if (outcome === 'retried') log.alert(fields, `${text} (the message will be tried again)`);
  else log.alert(fields, `${text} (the message was ${outcome})`);
}

/** Logs an event that concerns all handlers. */
export function logHandleEvent(log: Log, event: HandleEvent): void {
  switch (event.type) {
    case 'paused':
      log.warn({ ms: event.ms }, 'all handlers fail; handling pauses');
      break;
    case 'resumed':
      log.info({}, 'handlers succeed again');
      break;
    case 'crowded':
      log.warn(
        { waiting: event.waiting },
        'so many messages wait for another attempt that they delay others',
      );
      break;
    case 'not-counted': {
      const { exchange, routingKey } = event.message;
      log.warn({ exchange, routingKey }, 'the broker could not store the number of failed attempts');
    }
  }
}
