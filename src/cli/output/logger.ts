import type { Writable } from 'node:stream';
import { pino, stdTimeFunctions } from 'pino';
import { withoutUrlPasswords } from '../../base/index.ts';
import type { WorkerConfig } from '../../worker/config/index.ts';
import type { LiveSecrets } from '../../worker/index.ts';
import { output } from './output.ts';
import { printableInJson } from './printable.ts';
import { redacted } from './redact.ts';

/**
 * The worker's own log, as opposed to the logs of tasks. Fields are for machines, the message is for people. A `Secret`
 * among the fields prints as `[redacted]`.
 */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** Put an `Error` in the field `err`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The most bytes of the log that may wait for a reader. */
const MAX_WAITING = 16 * 1024 * 1024;

/** The log of a process. */
export interface ProcessLogger extends Logger {
  /** Changes the log level from now on. */
  readonly setLevel: (level: WorkerConfig['logLevel']) => void;
  /** Resolves when everything logged so far has been written, or when nobody has read it for a while. */
  flush(): Promise<void>;
}

export interface LoggerOptions {
  readonly level: WorkerConfig['logLevel'];
  /** The stream for the lines: standard error of the process. */
  readonly stream: Writable;
  /** JSON is for programs, the other formats are for people at a terminal. */
  readonly format: 'json' | 'plain' | 'coloured';
  /** Secrets that are hidden wherever they occur. */
  readonly secrets?: Pick<LiveSecrets, 'hideInJson'>;
  /**
   * Called first with each line as JSON, without secrets. If it returns true, the line is not written to the stream.
   */
  readonly elsewhere?: ((json: string) => boolean) | undefined;
}

/**
 * Makes the worker's own log: one JSON object for each line, or text for people.
 *
 * Lines are written in this thread and in order. Nothing is lost when the process ends, unless the stream cannot be
 * written. Secrets are removed by their type, by the name of their field and from URLs. Known secrets are removed
 * wherever they occur.
 */
export async function createLogger({
  level,
  stream,
  format,
  secrets,
  elsewhere = () => false,
}: LoggerOptions): Promise<ProcessLogger> {
  const line = format === 'json' ? (json: string) => json : await prettyLine(format === 'coloured');
  const shown = (json: string) => withoutUrlPasswords(secrets?.hideInJson(json) ?? json);
  const out = output(stream, {
    maxWaiting: MAX_WAITING,
    gap: lines =>
      line(
        `${JSON.stringify({ level: 'warn', time: new Date().toJSON(), lines, msg: 'lines of this log were lost: it could not be written, or nobody read it' })}\n`,
      ),
  });
  const destination = {
    write: (json: string) => {
      const text = shown(json);
      if (!elsewhere(text)) out.write(line(text));
    },
  };
  const logger = pino(
    {
      level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: label => ({ level: label }),
        log: fields => redacted(fields) as Record<string, unknown>,
      },
      // `redacted` has already turned errors into plain data.
      serializers: { err: (error: unknown) => error },
    },
    destination,
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    setLevel: chosen => {
      logger.level = chosen;
    },
    flush: () => out.flush(),
  };
}

async function prettyLine(colorize: boolean): Promise<(json: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({
    colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
    singleLine: true,
  });
  // An error message can have several lines and may contain text from a task or a server. Only the beginning of a line
  // shows that the line is the worker's own.
  return json => `${pretty(printableInJson(json)).trimEnd().replaceAll('\n', '\n    | ')}\n`;
}
