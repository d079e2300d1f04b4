/** Writes a message of a host to the worker's log. */
export type Note = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;
