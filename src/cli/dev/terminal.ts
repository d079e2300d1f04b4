import type { Claim, Credentials } from '../../taskcluster/index.ts';
import type { CommandIo } from '../commands.ts';
import { printable } from '../output/printable.ts';
import type { Ending } from './follow.ts';
import type { DevTask } from './task-files.ts';
import { terminalFilter } from './terminal-filter.ts';

/** A line that goes on for longer, in bytes, is shown in pieces. */
const LONGEST_LINE = 64 * 1024;

/** Ends colours, and whatever else a task has left switched on. */
const PLAIN = '\u001b[0m';

/**
 * Shows task logs: as they are while there is one task, with the task's name before each line when several may write at
 * once. A terminal gets no more than text and colours of them.
 */
export function logWriter(
  tasks: readonly DevTask[],
  out: CommandIo['stdout'],
): (claim: Claim, chunk: Buffer) => void {
  if (tasks.length === 1) {
    if (!out.isTerminal) return (_claim, chunk) => out.write(chunk);
    const shown = terminalFilter();
    return (_claim, chunk) => out.write(shown(chunk));
  }
  const unfinished = new Map<string, Buffer>();
  return ({ taskId, runId, task }, chunk) => {
    const key = `${taskId}/${runId}`;
    const text = Buffer.concat([unfinished.get(key) ?? Buffer.alloc(0), chunk]);
    // Bytes until here are whole lines, so that no character is cut; a line without an end is, some time.
    const whole = text.length > LONGEST_LINE ? text.length : text.lastIndexOf('\n') + 1;
    if (whole === text.length) unfinished.delete(key);
    else unfinished.set(key, text.subarray(whole));
    if (whole === 0) return;
    const name = printable(task.metadata.name);
    const lines = text.subarray(0, whole).toString().replace(/\n$/, '').split('\n');
    out.write(lines.map(line => `${name} | ${out.isTerminal ? onTerminal(line) : line}\n`).join(''));
  };
}

/** One line among those of other tasks: it keeps its colours to itself, and does not return to its beginning. */
function onTerminal(line: string): string {
  const shown = terminalFilter()(Buffer.from(line)).replace(/\r+$/, '').replaceAll('\r', ' ');
  return shown.includes('\u001b') ? `${shown}${PLAIN}` : shown;
}

const SIGN: Readonly<Record<Ending['state'], string>> = {
  completed: '✔',
  failed: '✘',
  exception: '✘',
  blocked: '-',
};

/** One line for each task: how it ended. */
export function summary(
  tasks: readonly DevTask[],
  endings: ReadonlyMap<string, Ending>,
  isTerminal: boolean,
): string {
  const lines = tasks.map(({ taskId, definition }) => {
    const ending = endings.get(taskId);
    const sign = ending ? SIGN[ending.state] : '?';
    return `${sign} ${printable(definition.metadata.name)}: ${words(ending)} (${taskId})\n`;
  });
  return `${isTerminal ? PLAIN : ''}${lines.join('')}`;
}

function words(ending: Ending | undefined): string {
  if (!ending) return 'not resolved';
  if (ending.state === 'blocked') return 'never started: a task it depends on did not complete';
  return ending.reason === undefined ? ending.state : `${ending.state}, ${ending.reason}`;
}

export function allCompleted(tasks: readonly DevTask[], endings: ReadonlyMap<string, Ending>): boolean {
  return tasks.every(({ taskId }) => endings.get(taskId)?.state === 'completed');
}

/** What a shell needs to speak to the queue: these credentials are made for this one run of `tcw dev`, to be shown. */
export function exportLines(
  rootUrl: string,
  { clientId, accessToken }: Credentials,
  taskQueueId: string,
): string {
  return [
    `export TASKCLUSTER_ROOT_URL=${rootUrl}`,
    `export TASKCLUSTER_CLIENT_ID=${clientId}`,
    `export TASKCLUSTER_ACCESS_TOKEN=${accessToken.reveal()}`,
    `# A worker runs the tasks of task queue ${taskQueueId}`,
    '',
  ].join('\n');
}
