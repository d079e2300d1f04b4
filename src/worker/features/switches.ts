import { TaskError } from '../outcome.ts';
import type { WorkerConfig } from '../config/index.ts';
import type { Feature } from './feature.ts';

/** What `features` may switch on here; false is fine for every name that the schema knows. */
const AVAILABLE: readonly string[] = ['backingLog', 'liveLog', 'resourceMonitor'];

/** The property by which a pool says whether its tasks may use a feature. */
const SWITCH_OF: Readonly<Record<string, keyof WorkerConfig>> = {
  chainOfTrust: 'enableChainOfTrust',
  interactive: 'enableInteractive',
  loopbackAudio: 'enableLoopbackAudio',
  loopbackVideo: 'enableLoopbackVideo',
  mounts: 'enableMounts',
  runTaskAsCurrentUser: 'enableRunTaskAsCurrentUser',
  taskclusterProxy: 'enableTaskclusterProxy',
};

/** `features`: generic-worker's switches. A task that needs a feature which is not there must not run without it. */
export const switches: Feature = {
  name: 'features',
  schema: 'switches',
  check({ payload, config }) {
    const wanted = Object.entries(payload.features ?? {}).filter(([, on]) => on);
    const missing = wanted.map(([name]) => name).filter(name => !AVAILABLE.includes(name));
    if (payload.mounts && payload.mounts.length > 0) missing.push('mounts');
    if (missing.length === 0) return;
    throw new TaskError('malformed-payload', missing.map(name => refusal(name, config)).join('\n'));
  },
};

function refusal(name: string, config: WorkerConfig): string {
  const property = SWITCH_OF[name];
  const isDisabled = property !== undefined && config[property] === false;
  return isDisabled
    ? `this task is attempting to use feature "${name}", but it's not enabled on this worker pool (${config.provisionerId}/${config.workerType})`
    : `this task is attempting to use feature "${name}", which tcw does not support yet`;
}
