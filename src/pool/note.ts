/** Takes what a host has to say for the worker's log. */
export type Note = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;
