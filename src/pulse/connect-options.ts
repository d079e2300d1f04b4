import { LONGEST_TIMER_MS, type Backoff } from '../base/index.ts';
import { PulseError } from './errors.ts';
import { areDelays, checkMs, checkOptions, type OptionKinds } from './options.ts';
import type { CloseOptions, PulseOptions, ReadyOptions } from './pulse.ts';
import { CREDENTIAL_SOURCES } from './transport/credentials.ts';

const CONNECT_OPTIONS: OptionKinds<PulseOptions> = {
  ...CREDENTIAL_SOURCES,
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
  const { backoff, logger, transport } = options;
  if (backoff) {
    checkOptions('connect', backoff, BACKOFF_OPTIONS, 'backoff');
    const { baseMs, capMs } = backoff;
    if (!areDelays(baseMs, capMs)) {
      throw new PulseError(
        'invalid',
        `backoff is ${baseMs} to ${capMs} ms; baseMs and capMs must both be from 0 to ${LONGEST_TIMER_MS}`,
      );
    }
  }
  if (transport && typeof transport.connect !== 'function') {
    throw new PulseError('invalid', 'connect: the option transport has no function connect');
  }
  if (!logger) return;
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    if (typeof logger[level] === 'function') continue;
    throw new PulseError(
      'invalid',
      `connect: the option logger has no function ${level}; it needs the functions of a pino logger`,
    );
  }
}

/** @throws PulseError `invalid` */
export function checkReadyOptions(options: ReadyOptions): void {
  checkOptions('ready', options, READY_OPTIONS);
  checkMs('ready: the option timeoutMs', options.timeoutMs, 0);
}

/** @throws PulseError `invalid` */
export function closeOptions(options: CloseOptions | number): CloseOptions {
  const given = typeof options === 'number' ? { deadlineMs: options } : options;
  checkOptions('close', given, CLOSE_OPTIONS);
  checkMs('close: the option deadlineMs', given.deadlineMs, 0);
  return given;
}
