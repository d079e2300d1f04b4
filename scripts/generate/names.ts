import { posix } from 'node:path';

/**
 * Types whose name does not follow from the name of their document, by path below `schemas/`. A fragment names a part
 * of a document. It becomes a separate type, because it would otherwise be an anonymous object.
 */
const NAMES = new Map([
  ['taskcluster/github/v1/task-group-creation-requested.json', 'TaskGroupCreationRequestedMessage'],
  ['taskcluster/queue/v1/claim-work-response.json#/properties/tasks/items', 'TaskClaim'],
  ['taskcluster/queue/v1/list-taskqueues-response.json', 'ListTaskQueuesResponse'],
  ['taskcluster/queue/v1/list-workertypes-response.json', 'ListWorkerTypesResponse'],
  ['taskcluster/queue/v1/task.json', 'TaskDefinition'],
  ['taskcluster/queue/v1/task.json#/properties/priority', 'TaskPriority'],
  ['taskcluster/queue/v1/task-status.json', 'TaskStatusStructure'],
  ['taskcluster/queue/v1/task-status.json#/properties/runs/items', 'RunInformation'],
  ['taskcluster/queue/v1/taskqueue-response.json', 'TaskQueueResponse'],
  ['taskcluster/queue/v1/workertype-response.json', 'WorkerTypeResponse'],
]);

/** Returns the type name of a document: `TaskExceptionMessage` for `queue/v1/task-exception-message.json`. */
export function typeName(path: string): string {
  return NAMES.get(path) ?? pascalCase(posix.basename(path, '.json').replace(/^pulse-/, ''));
}

/** Returns the parts of a document that have their own types: the path of the document, `#` and a JSON pointer. */
export function namedParts(path: string): string[] {
  return [...NAMES.keys()].filter(address => address.startsWith(`${path}#`));
}

/** Converts `worker-manager` to `WorkerManager`. */
export function pascalCase(name: string): string {
  return `-${name}`.replace(/[-.]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
