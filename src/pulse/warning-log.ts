import { errorText } from './error-text.ts';
import type { PulseWarning } from './pulse.ts';
import type { Log } from './telemetry/log.ts';

/** Logs a warning. Without a logger, only the warning that PulseGuardian will delete a queue appears, on stderr. */
export function logWarning(log: Log, warning: PulseWarning): void {
  switch (warning.type) {
    case 'large-body': {
      const { exchange, routingKey, bytes } = warning;
      log.warn(
        { exchange, routingKey, bytes },
        'a published body is larger than the 8 KiB that Pulse recommends',
      );
      break;
    }
    case 'queue-long':
      log.warn({ ...warning }, `queue ${warning.queue} has ${warning.messages} messages`);
      break;
    case 'held-long':
      log.warn(
        { ...warning },
        `a message of queue ${warning.queue} has been held for ${Math.round(warning.heldMs)} ms`,
      );
      break;
    case 'max-length-too-high': {
      const { queue, maxLength, deletedAt } = warning;
      const limit = `maxLength of ${queue} is ${maxLength}, and PulseGuardian deletes a queue at ${deletedAt} messages`;
      log.alert({ ...warning }, `${limit}; use a lower maxLength`);
      break;
    }
    case 'around-failed': {
      const { exchange, routingKey, error } = warning;
      log.warn(
        { exchange, routingKey, err: error },
        `aroundPublish failed after sending: ${errorText(error)}`,
      );
    }
  }
}
