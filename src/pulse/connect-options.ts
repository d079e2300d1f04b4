import type { Backoff } from '../base/index.ts';
import { PulseError } from './errors.ts';
import { checkOptions, type OptionKinds } from './options.ts';
import type { CloseOptions, PulseOptions, ReadyOptions } from './pulse.ts';

const CONNECT_OPTIONS: OptionKinds<PulseOptions> = {
  url: ['text', 'secret'],
  user: 'text',
  password: ['text', 'secret'],
  env: 'object',
  credentials: 'function',
  namespace: 'text',
  connectionName: 'text',
  heartbeatSecs: 'number',
  connectTimeoutMs: 'number',
  backoff: 'object',
  publishBounds: 'object',
  aroundPublish: 'function',
  telemetry: 'boolean',
  logger: ['object', 'function', 'false'],
  signal: 'signal',
  transport: 'object',
};
const BACKOFF_OPTIONS: OptionKinds<Backoff> = { baseMs: 'number', capMs: 'number' };
const READY_OPTIONS: OptionKinds<ReadyOptions> = { timeoutMs: 'number', signal: 'signal' };
const CLOSE_OPTIONS: OptionKinds<CloseOptions> = { deadlineMs: 'number', signal: 'signal' };

/** @throws PulseError `invalid` for an option that is unknown or of the wrong type */
export function checkConnectOptions(options: PulseOptions): void {
  checkOptions('connect', options, CONNECT_OPTIONS);
  const { backoff, logger } = options;
  if (backoff) {
    checkOptions('the option backoff', backoff, BACKOFF_OPTIONS);
    const { baseMs, capMs } = backoff;
    if (!(baseMs >= 0 && capMs >= 0)) {
      throw new PulseError(
        'invalid',
        `backoff is ${baseMs} to ${capMs} ms; it needs baseMs and capMs, from 0`,
      );
    }
  }
  if (!logger) return;
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    if (typeof logger[level] === 'function') continue;
    throw new PulseError('invalid', `connect: the option logger has no function ${level}; a pino logger has`);
  }
}

/** @throws PulseError `invalid` */
export function checkReadyOptions(options: ReadyOptions): void {
  checkOptions('ready', options, READY_OPTIONS);
}

/** @throws PulseError `invalid` */
export function closeOptions(options: CloseOptions | number): CloseOptions {
  const given = typeof options === 'number' ? { deadlineMs: options } : options;
  checkOptions('close', given, CLOSE_OPTIONS);
  return given;
}
