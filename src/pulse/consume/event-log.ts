import type { Log } from '../telemetry/log.ts';
import type { ConsumerEvent } from './consume-options.ts';

/** Logs an event of a consumer. The connection logs the warnings of all consumers. */
export function logEvent(log: Log, queue: string | undefined, event: ConsumerEvent): void {
  switch (event.type) {
    case 'consuming':
      log.info({ queue }, 'consuming');
      break;
    case 'gap':
      log.warn({ queue }, 'a new queue replaces the lost one; messages in between are missing');
      break;
    case 'interrupted':
      log.warn({ queue, err: event.error }, `consuming was interrupted: ${event.error.message}`);
      break;
    case 'bad-message': {
      const { exchange, routingKey } = event.delivery;
      log.warn({ queue, exchange, routingKey, problems: event.problems }, 'a message has a bad body');
      break;
    }
    case 'settled-late':
      log.debug({ queue, routingKey: event.routingKey }, 'a message was settled after its channel was lost');
      break;
    case 'unbound':
      log.info({ queue, ...event.binding }, 'removed an earlier binding');
      break;
    case 'not-reconciled':
      log.warn({ queue, err: event.error }, 'the earlier bindings of the queue could not be read');
      break;
    case 'queue-long':
    case 'held-long':
    case 'max-length-too-high':
      break;
  }
}
