import type { Writable } from 'node:stream';
import { pino, stdTimeFunctions } from 'pino';
import { withoutUrlPasswords } from '../../base/index.ts';
import type { WorkerConfig } from '../../worker/config/index.ts';
import type { LiveSecrets } from '../../worker/index.ts';
import { output } from './output.ts';
import { printableInJson } from './printable.ts';
import { redacted } from './redact.ts';

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

/** How many bytes of it may wait for a reader. */
const MOST_WAITING = 16 * 1024 * 1024;

/** The log of a process. */
export interface ProcessLogger extends Logger {
  /** Shows less or more from now on. */
  readonly setLevel: (level: WorkerConfig['logLevel']) => void;
  /** Resolves when everything logged so far has left, or when nobody has read it for a while. */
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
  /** Gets each line as JSON first, without secrets; one for which it returns true is not written to the stream. */
  readonly elsewhere?: ((json: string) => boolean) | undefined;
}

/**
 * The worker's own log: one JSON object for each line, or text for people.
 *
 * It is written in this thread and in order, so that nothing is lost when the process ends, unless it cannot be written.
 * Secrets are taken out by their type, by their name and from URLs, and the known ones wherever they are.
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
    mostWaiting: MOST_WAITING,
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
  // Errors have lines, and their words may be those of a task or a server: only a line's beginning tells whose it is.
  return json => `${pretty(printableInJson(json)).trimEnd().replaceAll('\n', '\n    | ')}\n`;
}
