/**
 * The calls that are generated of each service besides the queue, of which all are: what a worker asks for, and what a
 * test needs so that there is something to ask for. Services whose calls are no worker's concern are left out.
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
