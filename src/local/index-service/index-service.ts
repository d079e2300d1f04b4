import { indexApi, type IndexApi } from '../../taskcluster/index.ts';
import { ApiError } from '../errors.ts';
import { createService, type Service } from '../http/api.ts';
import { pageOf } from '../http/pages.ts';
import { ping } from '../http/ping.ts';
import { parseTime } from '../times.ts';
import { describeEntry, type IndexedTask, type TaskIndex } from './task-index.ts';

interface IndexServiceOptions {
  readonly index: TaskIndex;
  /** Returns the URL of a task's latest artifact. It is signed unless everybody may read the artifact. */
  readonly urlOfLatestArtifact: (taskId: string, name: string) => string;
}

/** The index service: finds tasks by name. */
export function indexService({ index, urlOfLatestArtifact }: IndexServiceOptions): Service {
  function find(indexPath: string): IndexedTask {
    const task = index.find(indexPath);
    if (!task) throw new ApiError('ResourceNotFound', `No task is indexed as \`${indexPath}\`.`);
    return task;
  }

  return createService<IndexApi>('index', indexApi, {
    ping,

    findTask: ({ params }) => describeEntry(find(params.indexPath)),

    async findTasksAtIndex({ body: { indexes = [] }, query, authorize }) {
      await authorize({ indexPaths: indexes });
      const { items, ...rest } = pageOf([...new Set(indexes)], query);
      return { tasks: items.flatMap(path => index.find(path) ?? []).map(describeEntry), ...rest };
    },

    insertTask({ params: { namespace }, body: { expires, ...task } }) {
      return describeEntry(index.insert({ ...task, namespace, expires: parseTime(expires) }));
    },

    deleteTask({ params: { namespace } }) {
      index.remove(namespace);
      return {};
    },

    listTasks({ params: { namespace }, query }) {
      const { items, ...rest } = pageOf(index.tasksIn(namespace), query);
      return { tasks: items.map(describeEntry), ...rest };
    },

    listNamespaces({ params: { namespace }, query }) {
      const { items, ...rest } = pageOf(index.namespacesIn(namespace), query);
      return { namespaces: items.map(describeEntry), ...rest };
    },

    findArtifactFromTask({ params: { indexPath, name }, answerWith }) {
      const url = urlOfLatestArtifact(find(indexPath).taskId, name);
      answerWith(303, { location: url });
      return {};
    },
  });
}
