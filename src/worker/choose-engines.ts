import type { WorkerConfig } from './config/index.ts';
import { engineNames, type EngineName } from './engine-names.ts';
import { DockerError, dockerEngine } from './engines/docker/index.ts';
import type { Engine } from './engines/engine.ts';
import { nativeEngine } from './engines/native/index.ts';
import { scriptEngine } from './engines/script/index.ts';
import { UserEngineUnavailable, macUserEngine, userEngine } from './engines/user/index.ts';
import type { Emit } from './events.ts';
import { closeToOthers } from './files/tasks-dir.ts';
import { registryCredentials } from './registry-credentials.ts';
import type { LiveSecrets } from './secrets/live-secrets.ts';
import { UnsuitableMachine, StartError } from './start-error.ts';
import type { Collector } from './stores/index.ts';

/** The parts of a worker that engines use. */
export interface EngineHost {
  readonly config: WorkerConfig;
  readonly emit: Emit;
  readonly secrets: LiveSecrets;
  /** Frees disk space and removes unused images. */
  readonly collector: Collector;
}

/**
 * Creates the engines that a configuration names or implies.
 *
 * @throws StartError for a configuration that cannot work
 * @throws UnsuitableMachine when this machine lacks something that an engine needs
 */
export async function chosenEngines(host: EngineHost): Promise<readonly Engine[]> {
  const { config, emit } = host;
  const names = engineNames(config);
  if (config.runAfterUserCreation !== undefined && !names.includes('user'))
    emit({ type: 'no-new-users', script: config.runAfterUserCreation });
  const engines: Engine[] = [];
  try {
    for (const name of names) engines.push(await MAKERS[name](host));
    const socket = engines.find(({ socketPath }) => socketPath !== undefined)?.socketPath;
    // If the worker can open the socket, so can tasks that run as its user.
    if (names.includes('native') && socket !== undefined) emit({ type: 'tasks-can-use-docker', socket });
    return engines;
  } catch (error) {
    for (const engine of engines.toReversed()) await engine.close?.();
    const { message } = error as Error;
    throw error instanceof UserEngineUnavailable || error instanceof DockerError
      ? new UnsuitableMachine(message)
      : new StartError(message);
  }
}

const MAKERS: Readonly<Record<EngineName, (host: EngineHost) => Promise<Engine>>> = {
  native: host => ofOwnUser(nativeEngine, host),
  script: host => ofOwnUser(scriptEngine, host),
  user: ofUsers,
  docker: ofContainers,
};

async function ofOwnUser(
  make: typeof nativeEngine | typeof scriptEngine,
  { config: { containment, maxTaskProcesses }, emit }: EngineHost,
): Promise<Engine> {
  const engine = await make({
    containment,
    ahead: true,
    ...(maxTaskProcesses > 0 && { maxProcesses: maxTaskProcesses }),
  });
  const { fallbackReason: reason, unlimitedReason } = engine;
  if (reason !== undefined) emit({ type: 'weak-containment', containment: engine.containment, reason });
  if (unlimitedReason !== undefined)
    emit({ type: 'no-process-limit', maxTaskProcesses, reason: unlimitedReason });
  return engine;
}

async function ofUsers({ config, emit }: EngineHost): Promise<Engine> {
  const { tasksDir, taskUserIds, taskAccounts, cachesDir, downloadsDir } = config;
  if (config.headlessTasks === false) {
    throw new StartError(
      'headlessTasks: the engine "user" gives tasks no desktop session. Set headlessTasks to true, or leave it out',
    );
  }
  // Tasks now run as other users. An earlier worker with the engine native may have left these folders open.
  for (const folder of [cachesDir, downloadsDir]) await closeToOthers(folder);
  if (process.platform === 'darwin') {
    const isLimited = config.maxTaskMemoryMegabytes + config.maxTaskCpus + config.maxTaskProcesses > 0;
    if (isLimited) emit({ type: 'no-task-limits', reason: 'macOS has no control groups' });
    return macUserEngine({ tasksDir, userIds: taskUserIds });
  }
  const engine = await userEngine({
    tasksDir,
    userIds: taskUserIds,
    accounts: taskAccounts === 'machine' ? 'machine' : 'private',
    ahead: true,
    limits: {
      memoryMegabytes: config.maxTaskMemoryMegabytes,
      cpus: config.maxTaskCpus,
      processes: config.maxTaskProcesses,
    },
  });
  if (engine.missingLimits !== undefined) emit({ type: 'no-task-limits', reason: engine.missingLimits });
  return engine;
}

const MEGABYTE = 1024 ** 2;

async function ofContainers({ config, collector, secrets, emit }: EngineHost): Promise<Engine> {
  const { dockerHost, dockerConfigLocation, maxTaskMemoryMegabytes, maxTaskCpus, maxTaskProcesses } = config;
  const credentials =
    dockerConfigLocation === undefined ? undefined : await registryCredentials(dockerConfigLocation);
  for (const { password } of credentials?.values() ?? []) secrets.add(password);
  const engine = await dockerEngine({
    host: dockerHost,
    limits: {
      ...(maxTaskMemoryMegabytes > 0 && { memory: maxTaskMemoryMegabytes * MEGABYTE }),
      ...(maxTaskCpus > 0 && { cpus: maxTaskCpus }),
      ...(maxTaskProcesses > 0 && { pids: maxTaskProcesses }),
    },
    images: {
      credentials: registry => credentials?.get(registry),
      makeRoom: () => collector.makeRoom(),
    },
  });
  if (engine.missingLimits !== undefined) emit({ type: 'no-task-limits', reason: engine.missingLimits });
  if (engine.images.store) collector.add(engine.images.store);
  return engine;
}
