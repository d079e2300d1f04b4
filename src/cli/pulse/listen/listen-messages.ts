import type {
  Binding,
  ConsumerEvent,
  HandleEvent,
  HandleResult,
  PulseMessage,
} from '../../../pulse/index.ts';
import { printable } from '../printable.ts';

/** The message for a person about an event; undefined for an event that does not concern them. */
export function eventMessage(
  event: ConsumerEvent | HandleEvent,
  bindings: readonly Binding[],
): string | undefined {
  switch (event.type) {
    case 'consuming':
      return `listening to ${bindings.map(({ exchange, pattern }) => `${exchange} ${pattern}`).join(', ')} on ${event.queue}`;
    case 'gap':
      return 'connected again: messages that were published in between are lost (a named queue, --queue, would have kept them)';
    case 'interrupted':
      return `the connection was interrupted, trying again: ${printable(event.error.message)}`;
    case 'bad-message': {
      const { exchange, routingKey } = event.delivery;
      return `a message from ${exchange} ${printable(routingKey)} cannot be read and was dropped: ${printable(event.problems.join('; '))}`;
    }
    case 'settled-late':
      return `${printable(event.routingKey)} was finished after its connection was lost: it will be delivered again`;
    case 'queue-long':
      return `${event.queue} has ${event.messages} messages: PulseGuardian warns at ${event.warnedAt} and deletes a queue at ${event.deletedAt}`;
    case 'held-long':
      return `a message has been held for ${Math.round(event.heldMs / 60_000)} minutes: RabbitMQ takes it back after ${event.limitMs / 60_000} minutes`;
    case 'paused':
      return `too many commands fail: no command starts for ${seconds(event.ms)} s, then one is tried`;
    case 'resumed':
      return 'a command has succeeded again';
    case 'not-counted':
      return `the failure of ${printable(event.message.routingKey)} could not be recorded: other processes will not know about it`;
    default:
      return undefined;
  }
}

/** The message about the command that ran for a Pulse message; undefined if it succeeded. */
export function resultMessage(result: HandleResult<PulseMessage>): string | undefined {
  const { outcome, message, attempts, retryInMs, error } = result;
  const which = `${message.exchange} ${printable(message.routingKey)}`;
  const why = printable(error instanceof Error ? error.message : String(error));
  switch (outcome) {
    case 'retried':
      return `${which}: ${why} (attempt ${attempts}); trying again in ${seconds(retryInMs ?? 0)} s`;
    case 'rejected':
      return `${which}: ${why} (attempt ${attempts}); given up and dropped`;
    case 'dead-lettered':
      return `${which}: ${why} (attempt ${attempts}); given up and moved to the dead letters`;
    case 'lost':
      return `${which}: the connection was lost before it was finished; it will be delivered again`;
    default:
      return undefined;
  }
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
