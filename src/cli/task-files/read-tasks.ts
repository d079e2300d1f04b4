import { basename, extname } from 'node:path';
import jsone from 'json-e';
import taskcluster from 'taskcluster-client';
import type { CreateTaskRequest } from '../../taskcluster/index.ts';
import { readDocument } from '../documents/read-file.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';

/** A task to be created. */
export interface NewTask {
  /** The file that it was read from. */
  readonly file: string;
  /** The file, with the number of the task if the file contains several. */
  readonly place: string;
  readonly taskId: string;
  /** The content of the file before defaults are filled in. */
  readonly given: Json;
  readonly definition: CreateTaskRequest;
}

type Json = Readonly<Record<string, unknown>>;

/** Values that are filled in when a file leaves them out. */
export interface TaskDefaults {
  /** The task queue of every task. Overrides the file. */
  readonly taskQueueId?: string | undefined;
  /** The task queue of a task whose file does not name one. */
  readonly defaultTaskQueueId?: string | undefined;
  /** The command that creates the tasks. */
  readonly createdBy: string;
  readonly schedulerId?: string;
  /** The time that relative times refer to. It is the same for all files, so that equal files stay equal. */
  readonly now: Date;
}

/**
 * Reads a file of tasks: only a payload, a task definition, or `{"tasks": […]}` with several tasks in one task group.
 * The file is a json-e template: `{"$fromNow": "1 hour"}` is a time, and `{"$eval": "as_slugid('build')"}` gives one
 * task id for each name, as in a `.taskcluster.yml`.
 *
 * @throws Failure 64 with the file and all of its problems
 */
export async function readTasks(file: string, defaults: TaskDefaults): Promise<NewTask[]> {
  const content = await render(file, defaults.now);
  const several = Array.isArray(content.tasks) ? (content.tasks as unknown[]) : [content];
  if (several.length === 0) throw wrong(file, 'tasks is empty');
  const ids = several.map(task =>
    isObject(task) && typeof task.taskId === 'string' ? task.taskId : taskcluster.slugid(),
  );
  const taskGroupId = ids[0] ?? taskcluster.slugid();
  return several.map((task, index) => {
    if (!isObject(task)) throw wrong(file, `tasks[${index}] is not an object`);
    const place = Array.isArray(content.tasks) ? `${file}, tasks[${index}]` : file;
    const { taskId, ...rest } = task;
    if (taskId !== undefined && typeof taskId !== 'string') throw wrong(place, 'taskId must be a string');
    const name = several.length > 1 ? `${nameOf(file)} ${index + 1}` : nameOf(file);
    return {
      file,
      place,
      taskId: ids[index] ?? taskcluster.slugid(),
      given: rest,
      definition: definition(isPayload(rest) ? { payload: rest } : rest, {
        place,
        name,
        taskGroupId,
        defaults,
      }),
    };
  });
}

async function render(file: string, now: Date): Promise<Json> {
  const read = await readDocument(file, file);
  if ('problems' in read) throw new Failure(EXIT_CODES.cannotLoadConfig.code, read.problems.join('; '));
  const slugids = new Map<string, string>();
  const as_slugid = (name: string) => {
    const known = slugids.get(name) ?? taskcluster.slugid();
    slugids.set(name, known);
    return known;
  };
  let rendered: unknown;
  try {
    const context = { as_slugid, now: now.toJSON() };
    rendered = jsone(read.content as Record<string, unknown>, context) as unknown;
  } catch (error) {
    throw wrong(file, `json-e cannot render it: ${firstLine(error)}`);
  }
  if (!isObject(rendered))
    throw wrong(file, 'it must contain one object: a payload, a task or {"tasks": […]}');
  return rendered;
}

/** Whether the content is only a payload. A task definition has a property `payload`. */
function isPayload(content: Json): boolean {
  return !('payload' in content);
}

interface Named {
  readonly place: string;
  readonly name: string;
  readonly taskGroupId: string;
  readonly defaults: TaskDefaults;
}

function definition(given: Json, { place, name, taskGroupId, defaults }: Named): CreateTaskRequest {
  const { provisionerId, workerType, taskQueueId, metadata, ...rest } = given;
  const { now, createdBy, schedulerId } = defaults;
  const named =
    taskQueueId ?? (provisionerId === undefined ? undefined : [provisionerId, workerType].join('/'));
  const queue = defaults.taskQueueId ?? named ?? defaults.defaultTaskQueueId;
  if (queue === undefined) {
    const fix = 'give it a taskQueueId, or use --task-queue <provisionerId>/<workerType>';
    throw wrong(place, `the task names no task queue: ${fix}`);
  }
  const inOneDay = taskcluster.fromNow('1 day', now).toJSON();
  return {
    created: now.toJSON(),
    deadline: inOneDay,
    ...(schedulerId !== undefined && { schedulerId }),
    taskGroupId,
    payload: {},
    ...rest,
    // If the queue is not a text, Taskcluster rejects the task and says why.
    taskQueueId: queue as string,
    metadata: {
      name,
      description: `created by ${createdBy}`,
      owner: 'developer@localhost',
      source: `https://localhost/${createdBy.replaceAll(' ', '-')}`,
      ...(isObject(metadata) && metadata),
    },
  };
}

function nameOf(file: string): string {
  return basename(file, extname(file));
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the first line of an error. json-e appends the text of the template to its messages. */
function firstLine(error: unknown): string {
  return (error as Error).message.split('\n', 1).join().replace(/:$/, '');
}

function wrong(place: string, problem: string): Failure {
  return new Failure(EXIT_CODES.cannotLoadConfig.code, `${place}: ${problem}`);
}
