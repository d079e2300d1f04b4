import { ApiError } from '../errors.ts';

/** The pattern of most names in Taskcluster. */
const IDENTIFIER = /^[a-zA-Z0-9-_]{1,38}$/;
const TASK_QUEUE_ID = /^[a-zA-Z0-9-_]{1,38}\/[a-z]([-a-z0-9]{0,36}[a-z0-9])?$/;
const NAMESPACE = /^([a-zA-Z0-9_!~*'()%-]+\.)*[a-zA-Z0-9_!~*'()%-]+$/;
const SLUGID = /^[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]$/;

/** Patterns for parameters in the path of a call. */
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

/**
 * The real queue's patterns for messages, where they differ. These here match the same texts, but without
 * backtracking.
 */
const SAID: Readonly<Partial<Record<string, RegExp>>> = { runId: /^[1-9]*[0-9]+$/ };

/** Patterns for parameters in the query of a call. */
const QUERY_PATTERNS: Readonly<Record<string, RegExp>> = {
  continuationToken: /./,
  limit: /^[0-9]+$/,
  quarantined: /^(true|false)$/,
  since: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  launchConfigId: /./,
  errorId: /./,
};

/** @throws ApiError `InvalidRequestArguments` that names every invalid parameter */
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
    // Calls that are signed by a bewit have this parameter.
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
