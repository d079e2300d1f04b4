import { basename, extname } from 'node:path';
import jsone from 'json-e';
import taskcluster from 'taskcluster-client';
import type { CreateTaskRequest } from '../../taskcluster/index.ts';
import { readDocument } from '../documents/read-file.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';

/** A task to be created. */
export interface DevTask {
  /** Where it was read. */
  readonly file: string;
  /** The same, with the number of the task where the file has several. */
  readonly place: string;
  readonly taskId: string;
  /** What is written there, before anything is filled in. */
  readonly given: Json;
  readonly definition: CreateTaskRequest;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a file of tasks: a bare payload, a task definition, or `{"tasks": […]}` with several in one task group. The file is
 * a json-e template: `{"$fromNow": "1 hour"}` is a time, and `{"$eval": "as_slugid('build')"}` one task id for each
 * name, as in a `.taskcluster.yml`. What a definition leaves out is filled in; its pool is always the worker's.
 *
 * @param now from which times are reckoned: the same for all files, so that what is written alike is alike
 * @throws Failure with the file and what is wrong with it
 */
export async function readTasks(file: string, taskQueueId: string, now = new Date()): Promise<DevTask[]> {
  const content = await render(file, now);
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
    if (taskId !== undefined && typeof taskId !== 'string') throw wrong(place, 'taskId must be text');
    const name = several.length > 1 ? `${nameOf(file)} ${index + 1}` : nameOf(file);
    return {
      file,
      place,
      taskId: ids[index] ?? taskcluster.slugid(),
      given: rest,
      definition: definition(isPayload(rest) ? { payload: rest } : rest, {
        name,
        taskGroupId,
        taskQueueId,
        now,
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
    throw wrong(file, 'it has to hold one object: a payload, a task or {"tasks": […]}');
  return rendered;
}

/** A definition has a payload; a payload says what to run. */
function isPayload(content: Json): boolean {
  return !('payload' in content);
}

function definition(
  given: Json,
  {
    name,
    taskGroupId,
    taskQueueId,
    now,
  }: { name: string; taskGroupId: string; taskQueueId: string; now: Date },
): CreateTaskRequest {
  const { provisionerId: _p, workerType: _w, taskQueueId: _q, metadata, ...rest } = given;
  const inOneDay = taskcluster.fromNow('1 day', now).toJSON();
  return {
    created: now.toJSON(),
    deadline: inOneDay,
    schedulerId: 'tcw-dev',
    taskGroupId,
    payload: {},
    ...rest,
    taskQueueId,
    metadata: {
      name,
      description: `created by tcw dev`,
      owner: 'developer@localhost',
      source: 'https://localhost/tcw-dev',
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

/** What json-e has to say goes on below with the text itself. */
function firstLine(error: unknown): string {
  return (error as Error).message.split('\n', 1).join().replace(/:$/, '');
}

function wrong(place: string, problem: string): Failure {
  return new Failure(EXIT_CODES.cannotLoadConfig.code, `${place}: ${problem}`);
}
