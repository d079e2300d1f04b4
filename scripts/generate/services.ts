/**
 * The calls that are generated for each service besides the queue, whose calls are all generated: those that a worker
 * makes, and those that tests need to create data for them. Services that workers do not call are left out.
 */
export const SERVICE_CALLS: ReadonlyMap<string, readonly string[]> = new Map([
  ['auth', ['ping', 'currentScopes', 'expandScopes', 'sentryDSN', 'websocktunnelToken']],
  [
    'index',
    [
      'ping',
      'deleteTask',
      'findArtifactFromTask',
      'findTask',
      'findTasksAtIndex',
      'insertTask',
      'listNamespaces',
      'listTasks',
    ],
  ],
  ['object', ['ping', 'createUpload', 'download', 'finishUpload', 'object', 'startDownload']],
  ['purge-cache', ['ping', 'allPurgeRequests', 'purgeCache', 'purgeRequests']],
  ['secrets', ['ping', 'get', 'list', 'remove', 'set']],
  [
    'worker-manager',
    [
      'ping',
      'createWorker',
      'createWorkerPool',
      'listWorkerPoolErrors',
      'registerWorker',
      'removeWorker',
      'reportWorkerError',
      'reregisterWorker',
      'shouldWorkerTerminate',
      'updateWorkerPool',
      'worker',
      'workerPool',
    ],
  ],
]);
