import { queueCalls, type CallOfQueue, type Credentials } from '../../taskcluster/index.ts';
import { safePart } from '../artifacts/artifact-paths.ts';
import { saveArtifacts } from '../artifacts/save-all.ts';
import type { CommandIo } from '../commands.ts';
import { printable } from '../output/printable.ts';
import type { NewTask } from '../task-files/read-tasks.ts';

interface KeepOptions {
  readonly rootUrl: string;
  readonly user: Credentials;
  readonly io: Pick<CommandIo, 'stdout' | 'logger'>;
  /** The folder for the artifacts. If undefined, the artifacts that will be lost are only listed. */
  readonly folder: string | undefined;
}

/** An artifact of the latest run of a task. */
interface Found {
  readonly task: NewTask;
  readonly runId: number;
  readonly names: readonly string[];
}

/** Logs were already shown, so they are not listed. */
const LOGS = /^(public|private)\/logs\//;
const MAX_NAMED = 5;

/**
 * Copies the artifacts of tasks into a folder before the queue ends. With several tasks, each gets its own folder below
 * that. Without a folder, lists the artifacts that will be lost.
 */
export async function keepArtifacts(tasks: readonly NewTask[], options: KeepOptions): Promise<void> {
  const { rootUrl, user, io, folder } = options;
  const call = queueCalls({ rootUrl });
  const found: Found[] = [];
  for (const task of tasks) found.push(...(await artifactsOf(task, call, user)));
  if (folder === undefined) {
    io.stdout.write(lostLine(found));
    return;
  }
  const folders = tasks.length > 1 ? foldersOf(tasks) : new Map<NewTask, string>();
  let saved = 0;
  for (const { task, runId, names } of found) {
    const below = folders.get(task);
    const notSaved = await saveArtifacts(names, names, {
      rootUrl,
      folder,
      below: below === undefined ? [] : [below],
      locate: name => call(user, 'artifact', task.taskId, runId, name),
      onSaved: () => saved++,
    });
    for (const { name, reason } of notSaved)
      io.logger.warn({ taskId: task.taskId, name, reason }, `an artifact was not kept: ${reason}`);
  }
  io.stdout.write(`${saved} ${saved === 1 ? 'artifact is' : 'artifacts are'} in ${printable(folder)}\n`);
}

async function artifactsOf(task: NewTask, call: CallOfQueue, user: Credentials): Promise<Found[]> {
  const { taskId } = task;
  // If `tcw dev` was stopped first, the task was never created and has no status.
  const status = await call(user, 'status', taskId).catch(() => undefined);
  const runId = (status?.status.runs.length ?? 0) - 1;
  if (runId < 0) return [];
  const names: string[] = [];
  for (let continuationToken: string | undefined; ;) {
    const page = await call(
      user,
      'listArtifacts',
      taskId,
      runId,
      continuationToken ? { continuationToken } : {},
    );
    names.push(...page.artifacts.map(({ name }) => name));
    ({ continuationToken } = page);
    if (continuationToken === undefined) return [{ task, runId, names }];
  }
}

/** Returns a folder for each task: its name, with its id added if another task has the same name. */
function foldersOf(tasks: readonly NewTask[]): Map<NewTask, string> {
  const named = tasks.map(task => ({
    task,
    folder: safePart(task.definition.metadata.name.replaceAll('/', '_')),
  }));
  const count = Map.groupBy(named, ({ folder }) => folder.toLowerCase());
  return new Map(
    named.map(({ task, folder }) => {
      const isUnique = count.get(folder.toLowerCase())?.length === 1;
      return [task, isUnique ? folder : `${folder} ${task.taskId}`];
    }),
  );
}

function lostLine(found: readonly Found[]): string {
  const lost = found.flatMap(({ names }) => names.filter(name => !LOGS.test(name)));
  if (lost.length === 0) return '';
  const named = lost.slice(0, MAX_NAMED).map(printable).join(', ');
  const more = lost.length > MAX_NAMED ? `, and ${lost.length - MAX_NAMED} more` : '';
  return `Not kept: ${named}${more}. Use --artifacts <folder> to keep artifacts.\n`;
}
