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
