import type { Writable } from 'node:stream';
import { pino, stdTimeFunctions } from 'pino';
import type { WorkerConfig } from '../worker/config/index.ts';
import type { LiveSecrets } from '../worker/index.ts';
import { redacted, withoutUrlPasswords } from './redact.ts';

/**
 * Where the worker's own log lines go: not the logs of tasks. Fields are for machines, the message for people;
 * a `Secret` among the fields prints as `[redacted]`.
 */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** An `Error` belongs under the name `err`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The log of a process. */
export interface ProcessLogger extends Logger {
  /** Settles when everything logged so far has left for the stream. */
  flush(): Promise<void>;
}

export interface LoggerOptions {
  readonly level: WorkerConfig['logLevel'];
  /** Where the lines go: a process's standard error. */
  readonly stream: Writable;
  /** JSON for programs, the others for people on a terminal. */
  readonly format: 'json' | 'plain' | 'coloured';
  /** Hidden wherever they turn up. */
  readonly secrets?: Pick<LiveSecrets, 'hideInJson'>;
}

/**
 * The worker's own log: one JSON object for each line, or text for people.
 *
 * It is written in this thread and in order, so that nothing is lost when the process ends; secrets are taken out
 * by their type, by their name and from URLs, and the known ones wherever they are.
 */
export async function createLogger({
  level,
  stream,
  format,
  secrets,
}: LoggerOptions): Promise<ProcessLogger> {
  const line = format === 'json' ? (json: string) => json : await prettyLine(format === 'coloured');
  const shown = (json: string) => withoutUrlPasswords(secrets?.hideInJson(json) ?? json);
  const destination = { write: (json: string) => void stream.write(line(shown(json))) };
  const logger = pino(
    {
      level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: label => ({ level: label }),
        log: fields => redacted(fields) as Record<string, unknown>,
      },
      // `redacted` has already made plain data of errors.
      serializers: { err: (error: unknown) => error },
    },
    destination,
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    flush: () => new Promise(resolve => stream.write('', () => resolve())),
  };
}

async function prettyLine(colorize: boolean): Promise<(json: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  return prettyFactory({
    colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
    singleLine: true,
  });
}
