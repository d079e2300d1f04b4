import type { Claim, Credentials } from '../../queue/index.ts';
import type { Ending } from './follow.ts';
import type { DevTask } from './task-files.ts';

/** A line that goes on for longer, in bytes, is shown in pieces. */
const LONGEST_LINE = 64 * 1024;

/**
 * Shows task logs on a terminal: as they are while there is one task, with the task's name before each line when
 * several may write at once.
 */
export function logWriter(
  tasks: readonly DevTask[],
  out: NodeJS.WritableStream,
): (claim: Claim, chunk: Buffer) => void {
  if (tasks.length === 1) return (_claim, chunk) => void out.write(chunk);
  const unfinished = new Map<string, Buffer>();
  return ({ taskId, runId, task }, chunk) => {
    const key = `${taskId}/${runId}`;
    const text = Buffer.concat([unfinished.get(key) ?? Buffer.alloc(0), chunk]);
    // Bytes until here are whole lines, so that no character is cut; a line without an end is, some time.
    const whole = text.length > LONGEST_LINE ? text.length : text.lastIndexOf('\n') + 1;
    if (whole === text.length) unfinished.delete(key);
    else unfinished.set(key, text.subarray(whole));
    if (whole === 0) return;
    const lines = text.subarray(0, whole).toString().replace(/\n$/, '').split('\n');
    out.write(lines.map(line => `${task.metadata.name} | ${line}\n`).join(''));
  };
}

const SIGN: Readonly<Record<Ending, string>> = { completed: '✔', failed: '✘', exception: '✘', blocked: '-' };
const WORD: Readonly<Record<Ending, string>> = {
  completed: 'completed',
  failed: 'failed',
  exception: 'exception',
  blocked: 'never started: a task it depends on did not complete',
};

/** One line for each task: how it ended, and where its log is while the queue lives. */
export function summary(tasks: readonly DevTask[], endings: ReadonlyMap<string, Ending>): string {
  return tasks
    .map(({ taskId, definition }) => {
      const ending = endings.get(taskId);
      return `${ending ? SIGN[ending] : '?'} ${definition.metadata.name}: ${ending ? WORD[ending] : 'not resolved'} (${taskId})\n`;
    })
    .join('');
}

export function allCompleted(tasks: readonly DevTask[], endings: ReadonlyMap<string, Ending>): boolean {
  return tasks.every(({ taskId }) => endings.get(taskId) === 'completed');
}

/** What a shell needs to speak to the queue: these credentials are made for this one run of `tcw dev`, to be shown. */
export function exportLines(rootUrl: string, { clientId, accessToken }: Credentials): string {
  return [
    `export TASKCLUSTER_ROOT_URL=${rootUrl}`,
    `export TASKCLUSTER_CLIENT_ID=${clientId}`,
    `export TASKCLUSTER_ACCESS_TOKEN=${accessToken.reveal()}`,
    '',
  ].join('\n');
}
