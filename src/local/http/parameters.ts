import { ApiError } from '../errors.ts';

/** What Taskcluster makes most names of. */
const IDENTIFIER = /^[a-zA-Z0-9-_]{1,38}$/;
const TASK_QUEUE_ID = /^[a-zA-Z0-9-_]{1,38}\/[a-z]([-a-z0-9]{0,36}[a-z0-9])?$/;
const NAMESPACE = /^([a-zA-Z0-9_!~*'()%-]+\.)*[a-zA-Z0-9_!~*'()%-]+$/;
const SLUGID = /^[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]$/;

/** What may be in the path of a call. */
const PATTERNS: Readonly<Record<string, RegExp>> = {
  taskId: SLUGID,
  taskGroupId: SLUGID,
  runId: /^[0-9]+$/,
  provisionerId: IDENTIFIER,
  workerType: IDENTIFIER,
  workerGroup: IDENTIFIER,
  workerId: IDENTIFIER,
  taskQueueId: TASK_QUEUE_ID,
  workerPoolId: TASK_QUEUE_ID,
  indexPath: NAMESPACE,
  namespace: NAMESPACE,
  name: /^[\x20-\x7e]+$/,
};

/** What the real queue says where its pattern is another. This one matches the same, but tries each digit as either. */
const SAID: Readonly<Partial<Record<string, RegExp>>> = { runId: /^[1-9]*[0-9]+$/ };

/** What may be in the query of a call that takes a query. */
const QUERY_PATTERNS: Readonly<Record<string, RegExp>> = {
  continuationToken: /./,
  limit: /^[0-9]+$/,
  quarantined: /^(true|false)$/,
  since: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  launchConfigId: /./,
  errorId: /./,
};

/** @throws ApiError `InvalidRequestArguments` that names every parameter that is not as it should be */
export function checkParameters(parameters: Readonly<Record<string, string>>): void {
  const problems = Object.entries(parameters).flatMap(([name, value]) => {
    const pattern = PATTERNS[name];
    if (!pattern || pattern.test(value)) return [];
    return [
      `URL parameter '${name}' given as '${value}' must match regular expression: '${String(SAID[name] ?? pattern)}'`,
    ];
  });
  if (problems.length === 0) return;
  throw new ApiError('InvalidRequestArguments', ['Invalid URL patterns:', ...problems].join('\n'));
}

/** @throws ApiError `InvalidRequestArguments` */
export function checkQuery(known: readonly string[], query: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(query)) {
    // Every call that is signed by a bewit has one.
    if (name === 'bewit') continue;
    const fits = (text: string): boolean => QUERY_PATTERNS[name]?.test(text) === true;
    if (!known.includes(name) || typeof value !== 'string' || !fits(value)) {
      throw new ApiError(
        'InvalidRequestArguments',
        `The query parameter ${name} is unknown, or not as it should be`,
      );
    }
  }
}
