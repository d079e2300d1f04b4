/** Former features of docker-worker, by JSON pointer, and what replaces them. */
const RETIRED: Readonly<Record<string, string>> = {
  '/extra': 'belongs beside the payload: move it to task.extra',
  '/features/balrogStageVPNProxy': 'is retired: use a worker pool whose machines reach that network',
  '/features/balrogVPNProxy': 'is retired: use a worker pool whose machines reach that network',
  '/features/dind':
    'is retired: build images without a Docker engine, or run one with capabilities.privileged',
  '/features/dockerSave': 'is retired: save what the task made as an artifact',
  '/features/relengAPIProxy': 'is retired: call services through features.taskclusterProxy',
  '/features/testdroidProxy': 'is retired: use a worker pool for devices',
};

/** Returns a payload's requests for former features, with their replacements. */
export function retiredProblems(payload: unknown): string[] {
  return Object.entries(RETIRED).flatMap(([pointer, advice]) =>
    isThere(payload, pointer.split('/').slice(1)) ? [`${pointer} ${advice}`] : [],
  );
}

function isThere(value: unknown, [name, ...inner]: readonly string[]): boolean {
  if (name === undefined) return true;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return false;
  return isThere((value as Readonly<Record<string, unknown>>)[name], inner);
}
