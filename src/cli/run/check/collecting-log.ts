import type { Tell } from '../../../worker/index.ts';
import type { LogFields, Logger } from '../../output/logger.ts';
import { workerLog } from '../worker-log.ts';
import type { Findings } from './findings.ts';

/** Turns everything that a start would log into findings: warnings and errors into warnings. */
export function collectingLog(findings: Findings): Tell {
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

/** A log has its reasons in fields; some messages repeat them. */
function withReason({ reason, err, error }: LogFields, message: string): string {
  const why = reason ?? error ?? (err instanceof Error ? err.message : undefined);
  return typeof why === 'string' && !message.includes(why) ? `${message} (${why})` : message;
}
