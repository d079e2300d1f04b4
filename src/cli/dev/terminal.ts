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

const SIGN: Readonly<Record<Ending['state'], string>> = {
  completed: '✔',
  failed: '✘',
  exception: '✘',
  blocked: '-',
};

/** One line for each task: how it ended. */
export function summary(tasks: readonly DevTask[], endings: ReadonlyMap<string, Ending>): string {
  return tasks
    .map(({ taskId, definition }) => {
      const ending = endings.get(taskId);
      const sign = ending ? SIGN[ending.state] : '?';
      return `${sign} ${definition.metadata.name}: ${words(ending)} (${taskId})\n`;
    })
    .join('');
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
