/** A former property of generic-worker, which tcw accepts and ignores. */
interface ObsoleteProperty {
  /** What replaces it, in words that follow "replaced by". */
  readonly replacedBy: string;
}

const derivedFromRootURL = { replacedBy: 'rootURL, from which the URLs of all services follow' };
const workerManagerDecides = { replacedBy: 'worker-manager, which tells a worker when to exit' };

/**
 * The properties of generic-worker's 10.x line that later versions dropped, and those that came and went since.
 *
 * Sources: `gwconfig/config.go` and `main.go` of taskcluster/generic-worker v10.0.0 to v16.6.1, and the
 * changelog of taskcluster/taskcluster up to v106.
 */
export const OBSOLETE_PROPERTIES: ReadonlyMap<string, ObsoleteProperty> = new Map(
  Object.entries({
    authBaseURL: derivedFromRootURL,
    provisionerBaseURL: derivedFromRootURL,
    purgeCacheBaseURL: derivedFromRootURL,
    queueBaseURL: derivedFromRootURL,
    secretsBaseURL: derivedFromRootURL,
    workerManagerBaseURL: derivedFromRootURL,
    authRootURL: derivedFromRootURL,
    purgeCacheRootURL: derivedFromRootURL,
    queueRootURL: derivedFromRootURL,
    secretsRootURL: derivedFromRootURL,
    workerManagerRootURL: derivedFromRootURL,
    livelogGETPort: { replacedBy: 'livelogExposePort' },
    livelogPUTPort: { replacedBy: "the worker's own live logs, which need no port to write to" },
    checkForNewDeploymentEverySecs: workerManagerDecides,
    deploymentId: workerManagerDecides,
    refreshURLsPrematurelySecs: { replacedBy: 'claimWork of the queue, which needs no signed URLs' },
    runTasksAsCurrentUser: {
      replacedBy: 'enableRunTaskAsCurrentUser and the task feature runTaskAsCurrentUser',
    },
    openpgpSigningKeyLocation: { replacedBy: 'signingKeyLocation' },
    absoluteHighMemoryThreshold: { replacedBy: 'minAvailableMemoryBytes' },
    relativeHighMemoryThreshold: { replacedBy: 'maxMemoryUsagePercent' },
    enableD2G: { replacedBy: 'd2gConfig.enableD2G' },
    containerEngine: { replacedBy: 'docker, the only container engine left' },
  }),
);
