import { deploymentOf, type Environment } from '../deployment/deployment.ts';
import { distinctTasks } from '../task-files/distinct-tasks.ts';
import { allCompleted, endingLines, type Ending } from '../task-files/endings.ts';
import { readTasks, type NewTask } from '../task-files/read-tasks.ts';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { taskClient, type TaskClient } from './client.ts';
import { asJson, messagePrinter, writeData, type Streams } from './streams.ts';
import { awaitEndings } from './await-endings.ts';

export interface SubmitOptions {
  readonly rootUrl?: string;
  readonly taskQueue?: string;
  readonly wait?: true;
  readonly follow?: true;
  readonly json?: true;
}

const { done, notCompleted, usage } = TASK_EXIT_CODES;
/** `<provisionerId>/<workerType>`, in the form that the queue accepts. */
const TASK_QUEUE = /^[\w-]{1,38}\/[a-z]([-a-z0-9]{0,36}[a-z0-9])?$/;

/**
 * `tcw task submit`: creates the tasks in the files and prints their ids. With `--wait` or `--follow`, waits until they
 * are resolved.
 *
 * @throws Failure. If one file is wrong, no task is created
 */
export async function submit(
  files: readonly string[],
  options: SubmitOptions,
  environment: Environment,
  streams: Streams,
): Promise<number> {
  const { stdout, stderr } = streams;
  const { follow, json, wait } = options;
  if (follow && json)
    throw new Failure(usage.code, '--follow and --json exclude each other: use --wait --json');
  const taskQueueId = checkedQueue('--task-queue', options.taskQueue);
  const defaultTaskQueueId = checkedQueue(
    'TASKCLUSTER_TASK_QUEUE_ID',
    environment.TASKCLUSTER_TASK_QUEUE_ID === '' ? undefined : environment.TASKCLUSTER_TASK_QUEUE_ID,
  );
  const deployment = deploymentOf(options.rootUrl, environment);
  const defaults = { taskQueueId, defaultTaskQueueId, createdBy: 'tcw task submit', now: new Date() };
  const tasks = distinctTasks((await Promise.all(files.map(file => readTasks(file, defaults)))).flat());
  const printMessage = messagePrinter(stderr);
  const client = taskClient(deployment, printMessage);
  const created: NewTask[] = [];
  let endings: ReadonlyMap<string, Ending> = new Map();
  try {
    for (const task of tasks) {
      await create(task, client);
      created.push(task);
      printMessage(
        `created ${task.definition.metadata.name} (${task.taskId}) for ${task.definition.taskQueueId ?? ''}`,
      );
      if (!json && !follow) await writeData(stdout, `${task.taskId}\n`);
    }
    if (!wait && !follow) return done.code;
    endings = await awaitEndings(tasks, { client, streams, printMessage, withLogs: follow ?? false });
  } finally {
    if (json) await writeData(stdout, asJson(created.map(task => describe(task, endings.get(task.taskId)))));
  }
  stderr.write(
    endingLines(tasks, endings, { isTerminal: stderr.isTTY, hasColours: stderr.isTTY && stderr.hasColors() }),
  );
  return allCompleted(tasks, endings) ? done.code : notCompleted.code;
}

function checkedQueue(source: string, taskQueueId: string | undefined): string | undefined {
  if (taskQueueId === undefined || TASK_QUEUE.test(taskQueueId)) return taskQueueId;
  throw new Failure(
    usage.code,
    `${source} ${JSON.stringify(taskQueueId)} is not a task queue: <provisionerId>/<workerType>`,
  );
}

/** @throws Failure that names the file */
async function create({ file, taskId, definition }: NewTask, client: TaskClient): Promise<void> {
  const scope = `queue:create-task:<priority>:${definition.taskQueueId ?? ''}`;
  try {
    await client.ask({ taskId, scope }, 'createTask', taskId, definition);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { exitCode, message } = error;
    // A conflict here means another task with this id, which is a mistake in the file.
    const code = exitCode === TASK_EXIT_CODES.wrongState.code ? usage.code : exitCode;
    const name = JSON.stringify(definition.metadata.name);
    throw new Failure(code, `${file}: task ${name} is not created: ${message}`, { cause: error });
  }
}

function describe({ file, taskId, definition }: NewTask, ending: Ending | undefined): object {
  const { metadata, taskGroupId, taskQueueId } = definition;
  return { file, name: metadata.name, taskId, taskGroupId, taskQueueId, ...ending };
}
