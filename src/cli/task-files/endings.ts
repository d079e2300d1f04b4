import { styleText } from 'node:util';
import { PLAIN } from '../output/log-lines.ts';
import { printable } from '../output/printable.ts';
import type { NewTask } from './read-tasks.ts';

/**
 * The ending of a task. `blocked` means that it will never start, because a task that it depends on did not complete.
 */
export interface Ending {
  readonly state: 'completed' | 'failed' | 'exception' | 'blocked';
  /** The queue's reason for an exception, and the error in the task's log. */
  readonly reason?: string | undefined;
}

/** How endings are shown. */
export interface EndingStyle {
  /** Whether the output is a terminal. A task may have left its colours switched on there. */
  readonly isTerminal: boolean;
  readonly hasColours: boolean;
}

const SIGN: Readonly<Record<Ending['state'], string>> = {
  completed: '✔',
  failed: '✘',
  exception: '✘',
  blocked: '-',
};
const COLOUR = { completed: 'green', failed: 'red', exception: 'red', blocked: 'yellow' } as const;
/** The longest reason, in characters, so that the closing line can be read at a glance. */
const LONGEST_REASON = 200;

/** Returns one line for each task: its ending, and the reason if it did not complete. */
export function endingLines(
  tasks: readonly Pick<NewTask, 'taskId' | 'definition'>[],
  endings: ReadonlyMap<string, Ending>,
  { isTerminal, hasColours }: EndingStyle,
): string {
  const lines = tasks.map(({ taskId, definition }) => {
    const ending = endings.get(taskId);
    const text = `${ending ? SIGN[ending.state] : '?'} ${printable(definition.metadata.name)}: ${describeEnding(ending)}`;
    const colour = ending ? COLOUR[ending.state] : 'yellow';
    const shown = hasColours ? styleText(colour, text, { validateStream: false }) : text;
    return `${shown} (${taskId})\n`;
  });
  return `${isTerminal ? PLAIN : ''}${lines.join('')}`;
}

function describeEnding(ending: Ending | undefined): string {
  if (!ending) return 'not resolved';
  if (ending.state === 'blocked') return 'never started: a task it depends on did not complete';
  if (ending.reason === undefined) return ending.state;
  const [line = ''] = ending.reason.split('\n', 1);
  const reason = printable(line);
  return `${ending.state}, ${reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON)}…` : reason}`;
}

export function allCompleted(
  tasks: readonly Pick<NewTask, 'taskId'>[],
  endings: ReadonlyMap<string, Ending>,
): boolean {
  return tasks.every(({ taskId }) => endings.get(taskId)?.state === 'completed');
}

/** Adds the tasks that will never start to the known endings. */
export function withBlocked(endings: Map<string, Ending>, tasks: readonly NewTask[]): Map<string, Ending> {
  for (let before = -1; before !== endings.size;) {
    before = endings.size;
    for (const { taskId, definition } of tasks) {
      if (!endings.has(taskId) && isBlocked(definition, endings)) endings.set(taskId, { state: 'blocked' });
    }
  }
  return endings;
}

/**
 * Whether a task will never start. With `all-resolved`, it is blocked only by a dependency that itself will never
 * start.
 */
function isBlocked(
  { dependencies = [], requires }: NewTask['definition'],
  endings: ReadonlyMap<string, Ending>,
): boolean {
  const known = dependencies.map(taskId => endings.get(taskId)?.state).filter(state => state !== undefined);
  return known.some(state => (requires === 'all-resolved' ? state === 'blocked' : state !== 'completed'));
}
