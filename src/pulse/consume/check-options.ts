import { checkExchangeName } from '../topology/binding.ts';
import { PulseError } from '../errors.ts';
import { checkOptions, type OptionKinds } from '../options.ts';
import { checkRoutingKey } from '../transport/routing-key.ts';
import { MAX_PREFETCH, type ConsumeOptions, type Watch } from './consume-options.ts';

export const CONSUME_OPTIONS: OptionKinds<ConsumeOptions<unknown>> = {
  queue: 'object',
  bindings: 'list',
  previousBindings: ['list', 'function'],
  prefetch: 'number',
  demand$: 'observable',
  paused$: 'observable',
  priority: 'number',
  until$: 'observable',
  onBadMessage: ['text', 'function'],
  maxBodyBytes: 'number',
  onEvent: 'function',
  watch: 'object',
};

const WATCH_OPTIONS: OptionKinds<Watch> = { everyMs: 'number', heldMs: 'number', depth: 'number' };
const SETTLEMENTS: readonly unknown[] = ['ack', 'reject', 'requeue'];

/**
 * @throws PulseError `invalid` for an option that is unknown, of the wrong type or out of range, and for a binding that
 *   does not fit into a frame
 */
export function checkConsumeOptions(options: ConsumeOptions<unknown>): void {
  checkOptions('consume', options, CONSUME_OPTIONS);
  checkConsumedQueue('consume', options);
  if (options.watch) checkOptions('the option watch', options.watch, WATCH_OPTIONS);
  checkPrefetch(options.prefetch);
  checkPriority(options.priority);
  const { maxBodyBytes = 1, onBadMessage = 'reject' } = options;
  if (!(maxBodyBytes >= 1)) {
    throw new PulseError('invalid', `maxBodyBytes is ${maxBodyBytes}; it must be at least 1`);
  }
  checkOnBadMessage(onBadMessage);
  if (options.demand$ && (options.prefetch !== undefined || options.paused$)) {
    throw new PulseError('invalid', 'demand$ replaces prefetch and paused$; a demand of 0 pauses');
  }
}

/** @throws PulseError `invalid` if the queue or the list of bindings is missing or wrong */
export function checkConsumedQueue(
  call: string,
  { queue, bindings }: Partial<ConsumeOptions<unknown>>,
): void {
  if (typeof queue?.nameFor !== 'function') {
    throw new PulseError(
      'invalid',
      `${call} needs the option queue, made by namedQueue(…) or ephemeralQueue(…)`,
    );
  }
  if (!bindings)
    throw new PulseError('invalid', `${call} needs the option bindings, a list made by binding(…)`);
  for (const one of bindings as readonly (Partial<(typeof bindings)[number]> | null)[]) {
    if (one?.exchange === undefined || one.pattern === undefined) {
      throw new PulseError('invalid', `${call}: each entry of bindings must be made by binding(…)`);
    }
    checkExchangeName(one.exchange);
    checkRoutingKey(one.pattern);
  }
}

export function checkOnBadMessage(onBadMessage: unknown): void {
  if (typeof onBadMessage === 'function' || SETTLEMENTS.includes(onBadMessage)) return;
  throw new PulseError('invalid', `onBadMessage must be ${SETTLEMENTS.join(', ')} or a function`);
}

export function checkPrefetch(prefetch = 1): void {
  if (Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= MAX_PREFETCH) return;
  throw new PulseError('invalid', `prefetch is ${prefetch}; it must be a whole number from 1 to 65,535`);
}

function checkPriority(priority = 0): void {
  if (Number.isInteger(priority) && Math.abs(priority) < 2 ** 31) return;
  throw new PulseError(
    'invalid',
    `priority is ${priority}; it must be a whole number that fits into 32 bits`,
  );
}
