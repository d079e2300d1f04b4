import type { Claim, Credentials } from '../../taskcluster/index.ts';
import type { CommandIo } from '../commands.ts';
import { namedLog, wholeLog, type NamedLog } from '../output/log-lines.ts';
import type { NewTask } from '../task-files/read-tasks.ts';

/**
 * Shows task logs. The log of a single task is unchanged. With several tasks, each line begins with the name of its
 * task. On a terminal, only text and colours are shown.
 */
export function logWriter(
  tasks: readonly NewTask[],
  out: CommandIo['stdout'],
): (claim: Claim, chunk: Buffer) => void {
  if (tasks.length === 1) {
    const shown = wholeLog(out.isTerminal);
    return (_claim, chunk) => out.write(shown(chunk));
  }
  const logs = new Map<string, NamedLog>();
  return ({ taskId, runId, task }, chunk) => {
    const key = `${taskId}/${runId}`;
    const log = logs.get(key) ?? namedLog(task.metadata.name, out.isTerminal);
    const lines = log.lines(chunk);
    if (log.isMidLine()) logs.set(key, log);
    else logs.delete(key);
    if (lines !== '') out.write(lines);
  };
}

/**
 * Returns the shell commands that set up access to the queue. These credentials are made for one run of `tcw dev` and
 * are meant to be shown.
 */
export function exportLines(
  rootUrl: string,
  { clientId, accessToken }: Credentials,
  taskQueueId: string,
): string {
  return [
    `export TASKCLUSTER_ROOT_URL=${rootUrl}`,
    `export TASKCLUSTER_CLIENT_ID=${clientId}`,
    `export TASKCLUSTER_ACCESS_TOKEN=${accessToken.reveal()}`,
    `export TASKCLUSTER_TASK_QUEUE_ID=${taskQueueId}`,
    `# A worker runs the tasks of task queue ${taskQueueId}`,
    '',
  ].join('\n');
}

/** Returns the suggested next steps, which are the last lines on the screen. */
export function invitation(
  rootUrl: string,
  taskQueueId: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  // In a clone, npm has started this process, and tcw is not on the search path.
  const isClone = environment.npm_lifecycle_event !== undefined;
  const command = isClone
    ? 'npx tcw task submit --follow examples/hello.json'
    : 'tcw task submit --follow task.json';
  return [
    `The queue listens at ${rootUrl}, a worker waits for tasks of ${taskQueueId}; Ctrl-C ends both.`,
    'Create a task: run the export lines above in another terminal, and then',
    `  ${command}`,
    '',
  ].join('\n');
}
