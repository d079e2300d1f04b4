/** Advice by JSON pointer on what a payload may not say. Each text completes a sentence that begins with the pointer. */
type Advice = Readonly<Record<string, string>>;

/** Properties that docker-worker or generic-worker once had and later lost. */
const RETIRED: Advice = {
  '/extra': 'belongs beside the payload: move it to task.extra',
  '/features/balrogStageVPNProxy': 'is retired: use a worker pool whose machines reach that network',
  '/features/balrogVPNProxy': 'is retired: use a worker pool whose machines reach that network',
  '/features/generateCertificate': 'is retired: use features.chainOfTrust',
  '/features/dind':
    'is retired: build images without a Docker engine, or run one with capabilities.privileged',
  '/features/dockerSave': 'is retired: save what the task made as an artifact',
  '/features/relengAPIProxy': 'is retired: call services through features.taskclusterProxy',
  '/features/testdroidProxy': 'is retired: use a worker pool for devices',
};

/** docker-worker's properties, in a payload of generic-worker. */
const DOCKER_WORKERS: Advice = {
  '/cache': "is docker-worker's: use mounts, with cacheName and directory",
  '/capabilities': "is docker-worker's: it is for containers; leave it out",
  '/log': "is docker-worker's: use logs.live and logs.backing",
  '/features/allowPtrace': "is docker-worker's: it is for containers; leave it out",
  '/features/artifacts': "is docker-worker's: leave it out, and list no artifacts if there are none",
  '/features/bulkLog': "is docker-worker's: use features.backingLog",
  '/features/localLiveLog': "is docker-worker's: use features.liveLog",
};

/** generic-worker's properties, in a payload of docker-worker. */
const GENERIC_WORKERS: Advice = {
  '/link': 'is for payloads without an image: fetch the program in the command',
  '/logs': "is generic-worker's: use log",
  '/mounts': "is generic-worker's: use cache for caches, and fetch files and directories in the command",
  '/osGroups': "is generic-worker's: the image decides on users and groups",
  '/rdpInfo': "is generic-worker's, for Windows: leave it out",
  '/taskclusterProxyInterface': "is generic-worker's: leave it out",
  '/features/backingLog': "is generic-worker's: use features.bulkLog",
  '/features/hideCmdWindow': "is generic-worker's, for Windows: leave it out",
  '/features/liveLog': "is generic-worker's: use features.localLiveLog",
  '/features/loopbackAudio': "is generic-worker's: use capabilities.devices.loopbackAudio",
  '/features/loopbackVideo': "is generic-worker's: use capabilities.devices.loopbackVideo",
  '/features/resourceMonitor': "is generic-worker's: leave it out, since usage is always measured",
  '/features/resourceUsage': "is generic-worker's: leave it out",
  '/features/runAsAdministrator': "is generic-worker's, for Windows: leave it out",
  '/features/runTaskAsCurrentUser': "is generic-worker's: the image decides on the user",
};

/** Names what a payload of generic-worker took from docker-worker, each with what to use instead. */
export function foreignToGenericWorker(payload: unknown): string[] {
  const { artifacts, command } = membersOf(payload);
  return [
    ...advised(payload, { ...DOCKER_WORKERS, ...RETIRED }),
    ...(isMap(artifacts)
      ? ["/artifacts is a map, as docker-worker's is: use a list of objects with type, path and name"]
      : []),
    ...(Array.isArray(command) && command.length > 0 && command.every(word => typeof word === 'string')
      ? [
          '/command is a list of strings, as in payloads of docker-worker, and of generic-worker for Windows: use a list of commands, [["sh", "-c", "…"]]',
        ]
      : []),
  ];
}

/** Names what a payload of docker-worker took from generic-worker, or what is retired, each with what to use instead. */
export function foreignToDockerWorker(payload: unknown): string[] {
  const { artifacts, command } = membersOf(payload);
  return [
    ...advised(payload, { ...RETIRED, ...GENERIC_WORKERS }),
    ...(Array.isArray(artifacts)
      ? [
          "/artifacts is a list, as generic-worker's is: use a map from the artifact's name to its type and path",
        ]
      : []),
    ...(Array.isArray(command) && command.length > 0 && command.every(Array.isArray)
      ? ['/command is a list of commands, as generic-worker\'s is: use one command, ["sh", "-c", "…"]']
      : []),
  ];
}

function advised(payload: unknown, advice: Advice): string[] {
  return Object.entries(advice).flatMap(([pointer, text]) =>
    isThere(payload, pointer.split('/').slice(1)) ? [`${pointer} ${text}`] : [],
  );
}

function isThere(value: unknown, [name, ...inner]: readonly string[]): boolean {
  if (name === undefined) return true;
  return isMap(value) && Object.hasOwn(value, name) && isThere(value[name], inner);
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return isMap(value) ? value : {};
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
