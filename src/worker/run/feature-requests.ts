import { satisfies } from '../../base/index.ts';
import type { Claim } from '../../taskcluster/index.ts';
import type { Capability } from '../engines/engine.ts';
import type { NeededScope, OpenFeature, WorkerFeature } from '../features/index.ts';
import { TaskError } from '../outcome.ts';
import type { TaskSpec } from '../task-spec.ts';

/** A task's request to one feature. */
export interface FeatureRequest {
  readonly name: string;
  readonly feature: WorkerFeature;
  readonly ask: unknown;
}

interface Pool {
  readonly provisionerId: string;
  readonly workerType: string;
}

/**
 * Collects a task's requests to all features.
 *
 * @throws TaskError `malformed-payload` with every problem of the payload, of the task's scopes, and of
 *   features that this pool or its engine does not offer
 */
export async function featureRequestsOf(
  task: TaskSpec,
  claim: Claim,
  features: readonly OpenFeature[],
  pool: Pool,
  capabilities: ReadonlySet<Capability>,
): Promise<FeatureRequest[]> {
  const problems: string[] = [];
  const requests: FeatureRequest[] = [];
  for (const { name, feature, isEnabled } of features) {
    const ask = asked(feature, task, claim, problems);
    if (ask === undefined) continue;
    requests.push({ name, feature, ask });
    problems.push(...((await feature.check?.(ask, task, claim)) ?? []));
    if (!isEnabled) problems.push(disabled(name, pool));
    const needs = feature.needsFor?.(ask) ?? feature.needs ?? [];
    const lacking = needs.filter(need => !capabilities.has(need));
    if (lacking.length > 0)
      problems.push(`this worker's engine cannot serve feature "${name}": it lacks ${lacking.join(', ')}`);
    problems.push(...scopeProblems(name, feature.scopes?.(ask) ?? [], claim));
  }
  if (problems.length > 0) throw new TaskError('malformed-payload', problems.join('\n'));
  return requests;
}

/** Returns the requests of a refused task to the features that serve such tasks as well, which is its log. */
export function featureRequestsOfRefused(
  task: TaskSpec,
  claim: Claim,
  features: readonly OpenFeature[],
): FeatureRequest[] {
  return features
    .filter(({ feature }) => feature.always)
    .map(({ name, feature }) => ({ name, feature, ask: feature.ask(task, claim) }));
}

function asked(feature: WorkerFeature, task: TaskSpec, claim: Claim, problems: string[]): unknown {
  try {
    return feature.ask(task, claim);
  } catch (error) {
    if (!(error instanceof TaskError) || error.kind !== 'malformed-payload') throw error;
    problems.push(error.message);
    return undefined;
  }
}

function disabled(name: string, { provisionerId, workerType }: Pool): string {
  return `this task is attempting to use feature "${name}", but it's not enabled on this worker pool (${provisionerId}/${workerType})`;
}

/** The wording is generic-worker's. */
function scopeProblems(name: string, needed: readonly NeededScope[], { task }: Claim): string[] {
  const scopes = task.scopes ?? [];
  const missing = needed.filter(scope => !satisfies(scopes, scope));
  if (missing.length === 0) return [];
  return [
    `Feature "${name}" requires scopes:`,
    '',
    ...needed.map(scope => (typeof scope === 'string' ? scope : scope.AnyOf.join(' or '))),
    '',
    'but task only has scopes:',
    '',
    ...scopes,
    '',
    'You probably should add some scopes to your task definition',
  ];
}
