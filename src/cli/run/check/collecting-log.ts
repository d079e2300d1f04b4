import type { Emit } from '../../../worker/index.ts';
import type { LogFields, Logger } from '../../output/logger.ts';
import { workerLog } from '../worker-log.ts';
import type { Findings } from './findings.ts';

/** Makes a log that collects the warnings and errors of a start as findings. Both become warnings. */
export function collectingLog(findings: Findings): Emit {
  const warn = (fields: LogFields, message: string) => {
    findings.warn(withReason(fields, message));
  };
  const ignore = () => undefined;
  const logger: Logger = {
    error: warn,
    warn,
    info: (_, message) => {
      findings.ok(message);
    },
    debug: ignore,
  };
  return workerLog(logger);
}

/** Adds the reason from the fields of a log line, unless the message already contains it. */
function withReason({ reason, err, error }: LogFields, message: string): string {
  const why = reason ?? error ?? (err instanceof Error ? err.message : undefined);
  return typeof why === 'string' && !message.includes(why) ? `${message} (${why})` : message;
}
