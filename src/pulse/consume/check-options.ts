import { checkBindings } from '../topology/binding.ts';
import { isQueueSpec } from '../topology/queue.ts';
import { PulseError } from '../errors.ts';
import { checkMs, checkOptions, type OptionKinds } from '../options.ts';
import { MAX_PREFETCH, type ConsumeOptions, type Watch } from './consume-options.ts';
import type { Settlement } from './message.ts';

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

/** @throws PulseError `invalid` if the queue or the list of bindings is missing or wrong, or if `watch` is wrong */
export function checkConsumedQueue(
  call: string,
  { queue, bindings, watch }: Partial<ConsumeOptions<unknown>>,
): void {
  if (!isQueueSpec(queue)) {
    throw new PulseError(
      'invalid',
      `${call} needs the option queue, made by namedQueue(…) or ephemeralQueue(…)`,
    );
  }
  if (!bindings) throw new PulseError('invalid', `${call} needs the option bindings, an array of binding(…)`);
  checkBindings(call, bindings);
  if (!watch) return;
  checkOptions(call, watch, WATCH_OPTIONS, 'watch');
  checkMs('watch.everyMs', watch.everyMs, 1);
  checkMs('watch.heldMs', watch.heldMs, 0);
  checkMs('watch.depth', watch.depth, 1);
}

export function isSettlement(value: unknown): value is Settlement {
  return SETTLEMENTS.includes(value);
}

export function checkOnBadMessage(onBadMessage: unknown): void {
  if (typeof onBadMessage === 'function' || isSettlement(onBadMessage)) return;
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
