import type {
  Binding,
  ConsumerEvent,
  HandleEvent,
  HandleResult,
  PulseMessage,
} from '../../../pulse/index.ts';
import { printable } from '../printable.ts';

/** The message for a person about an event; undefined for an event that does not concern them. */
export function eventWords(
  event: ConsumerEvent | HandleEvent,
  bindings: readonly Binding[],
): string | undefined {
  switch (event.type) {
    case 'consuming':
      return `listening to ${bindings.map(({ exchange, pattern }) => `${exchange} ${pattern}`).join(', ')} on ${event.queue}`;
    case 'gap':
      return 'connected again: what was published in between is missing (a queue with a name, --queue, would have kept it)';
    case 'interrupted':
      return `interrupted, trying again: ${printable(event.error.message)}`;
    case 'bad-message': {
      const { exchange, routingKey } = event.delivery;
      return `a message of ${exchange} ${printable(routingKey)} cannot be read, and is dropped: ${printable(event.problems.join('; '))}`;
    }
    case 'settled-late':
      return `${printable(event.routingKey)} was done after its connection was lost: it comes again`;
    case 'queue-long':
      return `${event.queue} has ${event.messages} messages: PulseGuardian warns at ${event.warnedAt} and deletes a queue at ${event.deletedAt}`;
    case 'held-long':
      return `a message is held for ${Math.round(event.heldMs / 60_000)} minutes: RabbitMQ takes it back at ${event.limitMs / 60_000}`;
    case 'paused':
      return `one command after another fails: none starts for ${seconds(event.ms)} s, then one is tried`;
    case 'resumed':
      return 'a command has succeeded again';
    case 'not-counted':
      return `the failure of ${printable(event.message.routingKey)} could not be written down: another process will not know of it`;
    default:
      return undefined;
  }
}

/** The message about the command that ran for a Pulse message; undefined if it succeeded. */
export function resultWords(result: HandleResult<PulseMessage>): string | undefined {
  const { outcome, message, attempts, retryInMs, error } = result;
  const which = `${message.exchange} ${printable(message.routingKey)}`;
  const why = printable(error instanceof Error ? error.message : String(error));
  switch (outcome) {
    case 'retried':
      return `${which}: ${why} (attempt ${attempts}); tried again in ${seconds(retryInMs ?? 0)} s`;
    case 'rejected':
      return `${which}: ${why} (attempt ${attempts}); given up and dropped`;
    case 'dead-lettered':
      return `${which}: ${why} (attempt ${attempts}); given up, and kept among the dead letters`;
    case 'lost':
      return `${which}: the connection was lost before it was done; it comes again`;
    default:
      return undefined;
  }
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
