import { configDefaults, type WorkerConfig } from '../../../worker/config/index.ts';

interface NeededScope {
  readonly scope: string;
  /** Completes the sentence "without it, …". */
  readonly without: string;
  /** Whether the worker gets no task without it. */
  readonly required?: true;
  /** Whether the configuration does not ask for what the scope allows. Its absence is then not worth a warning. */
  readonly unasked?: boolean;
  /** Whether this is the scope for counting pending tasks. */
  readonly counts?: true;
}

/** The scopes that the worker itself uses; docs/running-workers.md contains the same list. */
export function neededScopes(config: WorkerConfig): readonly NeededScope[] {
  const { provisionerId, workerType, workerGroup, workerId } = config;
  const { sentryProject, wstAudience, livelogPortBase } = config;
  const pool = `${provisionerId}/${workerType}`;
  const worker = `${workerGroup}/${workerId}`;
  return [
    { scope: `queue:claim-work:${pool}`, without: 'the worker gets no task', required: true },
    { scope: `queue:worker-id:${worker}`, without: 'the worker gets no task', required: true },
    {
      scope: `queue:pending-count:${pool}`,
      without: 'finding a task whose notice was lost takes minutes',
      counts: true,
    },
    { scope: 'queue:status:*', without: 'a cancellation during an interruption of Pulse is noticed late' },
    { scope: `queue:get-worker:${pool}/${worker}`, without: 'the worker does not recognise a quarantine' },
    { scope: `purge-cache:purge-requests::${pool}`, without: 'caches are not purged on request' },
    ...(sentryProject === undefined || sentryProject === ''
      ? []
      : [
          {
            scope: `auth:sentry:${sentryProject}`,
            without: 'crashes are not reported to Sentry',
            // Most deployments have no Sentry.
            unasked: sentryProject === configDefaults().sentryProject,
          },
        ]),
    ...(wstAudience === undefined
      ? []
      : [
          {
            scope: `auth:websocktunnel-token:${wstAudience}/${workerGroup}.${workerId}.${livelogPortBase + 1}`,
            without: 'nobody can read live logs or open shells',
          },
        ]),
  ];
}
