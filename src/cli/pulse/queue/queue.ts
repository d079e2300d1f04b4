import { createInterface } from 'node:readline/promises';
import { NEVER } from 'rxjs';
import { namedQueue, type Pulse, type PulseQueue } from '../../../pulse/index.ts';
import { printResult } from '../../output/print-result.ts';
import { PULSE_EXIT_CODES } from '../../words/exit-codes.ts';
import { Failure } from '../../words/failure.ts';
import { openPulse } from '../connection.ts';
import { pulseFailure, usageError } from '../failure.ts';
import { printableJson } from '../printable.ts';
import { queueBindings } from './queue-bindings.ts';
import { fullNameOf, type Answer, type QueueCommandOptions } from './queue-options.ts';
import { countText } from '../rate.ts';
import type { Output } from '../screen.ts';

/**
 * `tcw pulse queue inspect|purge|delete|bindings`.
 *
 * @throws Failure 64 when there is no such queue
 */
export async function queueCommand(
  action: 'inspect' | 'purge' | 'delete' | 'bindings',
  name: string,
  options: QueueCommandOptions,
  stderr: Output,
): Promise<number> {
  const answer =
    action === 'bindings'
      ? await queueBindings(name, options)
      : await withQueue(name, options, queue => ACTIONS[action](queue, options, stderr));
  await printResult('the result', options.json ? `${printableJson(answer.json)}\n` : `${answer.text}\n`);
  return PULSE_EXIT_CODES.done.code;
}

const ACTIONS = {
  inspect: async (queue: PulseQueue): Promise<Answer> => {
    const { messages, consumers } = await existing(queue);
    return {
      text: `${queue.name}: ${countText(messages, 'message')}, ${countText(consumers, 'consumer')}`,
      json: { queue: queue.name, messages, consumers },
    };
  },
  purge: async (queue: PulseQueue, options: QueueCommandOptions, stderr: Output): Promise<Answer> => {
    const { messages } = await existing(queue);
    await confirmed(`drop ${countText(messages, 'message')} of ${queue.name}`, options, stderr);
    const dropped = await queue.purge();
    return {
      text: `${queue.name}: dropped ${countText(dropped, 'message')}`,
      json: { queue: queue.name, dropped },
    };
  },
  delete: async (queue: PulseQueue, options: QueueCommandOptions, stderr: Output): Promise<Answer> => {
    const { messages, consumers } = await existing(queue);
    const what = `${queue.name} (${countText(messages, 'message')}, ${countText(consumers, 'consumer')})`;
    await confirmed(`delete ${what}`, options, stderr);
    await queue.delete();
    return { text: `deleted ${what}`, json: { queue: queue.name, deleted: true, messages } };
  },
};

async function withQueue<T>(
  word: string,
  options: QueueCommandOptions,
  work: (queue: PulseQueue) => Promise<T>,
): Promise<T> {
  let pulse: Pulse | undefined;
  try {
    const spec = specOf(word, options);
    pulse = await openPulse(options, NEVER);
    return await work(pulse.queue(spec));
  } catch (error) {
    throw pulseFailure(error);
  } finally {
    await pulse?.close();
  }
}

/** Describes a queue that is only looked up by name. The limit here is never sent to the broker. */
function specOf(word: string, options: QueueCommandOptions) {
  const fullName = fullNameOf(word, options);
  return { ...namedQueue('any', { maxLength: 1 }), nameFor: () => fullName };
}

async function existing(queue: PulseQueue) {
  const depth = await queue.inspect();
  if (depth) return depth;
  throw usageError(`there is no queue ${queue.name}`);
}

/** @throws Failure 64 if there is no terminal to ask at, 130 for any answer other than yes */
async function confirmed(what: string, { yes }: QueueCommandOptions, stderr: Output): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !stderr.isTTY)
    throw usageError(`--yes is needed to ${what}, because there is no terminal to ask at`);
  const terminal = createInterface({ input: process.stdin, output: stderr });
  try {
    const answer = await terminal.question(`${what[0]?.toUpperCase() ?? ''}${what.slice(1)}? [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } catch {
    // Ctrl-C and Ctrl-D do not count as yes.
  } finally {
    terminal.close();
  }
  throw new Failure(PULSE_EXIT_CODES.interrupted.code, 'nothing was done');
}
