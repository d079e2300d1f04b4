import type { Clock } from '../clock.ts';
import { isoTime } from '../times.ts';

/** A task with its name in the index. */
export interface IndexedTask {
  readonly namespace: string;
  readonly taskId: string;
  /** A task with a lower rank does not replace one with a higher rank. */
  readonly rank: number;
  readonly data: Record<string, unknown>;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

export interface Namespace {
  readonly namespace: string;
  readonly name: string;
  /** The expiry of its last task, in milliseconds since the epoch. */
  readonly expires: number;
}

/** Tasks by their names in the index, which are dotted paths. Expired tasks are not found. */
export interface TaskIndex {
  /** Adds a task, unless there is one with a higher rank. Returns the resulting entry. */
  insert(task: IndexedTask): IndexedTask;
  find(namespace: string): IndexedTask | undefined;
  remove(namespace: string): void;
  /** Returns the tasks directly below a namespace, sorted by name. */
  tasksIn(namespace: string): IndexedTask[];
  /** Returns the namespaces directly below a namespace that have tasks, sorted by name. */
  namespacesIn(namespace: string): Namespace[];
}

export function createTaskIndex(clock: Clock): TaskIndex {
  const tasks = new Map<string, IndexedTask>();

  function find(namespace: string): IndexedTask | undefined {
    const task = tasks.get(namespace);
    return task && task.expires > clock.now() ? task : undefined;
  }

  /** Returns all tasks below a namespace, with the rest of their names. */
  function below(namespace: string): { rest: string[]; task: IndexedTask }[] {
    return [...tasks.keys()]
      .filter(name => name.startsWith(`${namespace}.`))
      .sort()
      .flatMap(name => {
        const task = find(name);
        return task ? [{ rest: name.slice(namespace.length + 1).split('.'), task }] : [];
      });
  }

  return {
    find,
    insert(task) {
      const known = find(task.namespace);
      if (known && known.rank > task.rank) return known;
      tasks.set(task.namespace, task);
      return task;
    },
    remove: namespace => void tasks.delete(namespace),
    tasksIn: namespace =>
      below(namespace)
        .filter(({ rest }) => rest.length === 1)
        .map(({ task }) => task),
    namespacesIn(namespace) {
      const found = new Map<string, Namespace>();
      for (const {
        rest: [name = '', ...deeper],
        task,
      } of below(namespace)) {
        if (deeper.length === 0) continue;
        const expires = Math.max(found.get(name)?.expires ?? 0, task.expires);
        found.set(name, { namespace: `${namespace}.${name}`, name, expires });
      }
      return [...found.values()];
    },
  };
}

/** Formats an entry of the index for answers. */
export function describeEntry<T extends { readonly expires: number }>(
  entry: T,
): Omit<T, 'expires'> & { expires: string } {
  return { ...entry, expires: isoTime(entry.expires) };
}
